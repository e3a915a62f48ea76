-- The ledger and the catalog of versioned tables. What is read by its key alone is read as it is at
-- that moment; all else after a REFRESH.
CREATE TABLE IF NOT EXISTS costwire.counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
) CLUSTERED INTO 1 SHARDS;

-- One row for each versioned table: what readers see of it, and who is changing it.
CREATE TABLE IF NOT EXISTS costwire.tables (
    name TEXT PRIMARY KEY,
    head BIGINT NOT NULL,
    used BIGINT NOT NULL,
    layout TEXT INDEX OFF STORAGE WITH (columnstore = false),
    holder TEXT,
    taken BIGINT,
    attempt BIGINT,
    outcome TEXT INDEX OFF STORAGE WITH (columnstore = false),
    undone ARRAY(BIGINT)
) CLUSTERED INTO 1 SHARDS;

CREATE TABLE IF NOT EXISTS costwire.deliveries (
    "commit" BIGINT PRIMARY KEY,
    id TEXT NOT NULL,
    table_name TEXT NOT NULL,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    state TEXT NOT NULL,
    dry_run BOOLEAN NOT NULL,
    manifest TEXT INDEX OFF STORAGE WITH (columnstore = false),
    entry TEXT INDEX OFF STORAGE WITH (columnstore = false),
    periods ARRAY(TEXT),
    applied BIGINT,
    kept BIGINT,
    twin BIGINT
) CLUSTERED INTO 1 SHARDS;

-- Which delivery last shaped what readers see of a billing period of a source.
CREATE TABLE IF NOT EXISTS costwire.shapes (
    table_name TEXT,
    source TEXT,
    period TEXT,
    "commit" BIGINT NOT NULL,
    PRIMARY KEY (table_name, source, period)
) CLUSTERED INTO 1 SHARDS;

CREATE TABLE IF NOT EXISTS costwire.sources (
    table_name TEXT,
    name TEXT,
    id INTEGER NOT NULL,
    PRIMARY KEY (table_name, name)
) CLUSTERED INTO 1 SHARDS;

CREATE TABLE IF NOT EXISTS costwire.quarantine (
    "commit" BIGINT,
    origin TEXT,
    number BIGINT,
    file TEXT,
    line BIGINT NOT NULL,
    raw TEXT INDEX OFF STORAGE WITH (columnstore = false),
    "column" TEXT,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY ("commit", origin, number)
) CLUSTERED INTO 1 SHARDS;

-- Parts of open deliveries; a part is there once it has a row here, its bytes stand in pieces.
CREATE TABLE IF NOT EXISTS costwire.parts (
    "commit" BIGINT,
    seq INTEGER,
    digest TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    PRIMARY KEY ("commit", seq)
) CLUSTERED INTO 1 SHARDS;

CREATE TABLE IF NOT EXISTS costwire.pieces (
    "commit" BIGINT,
    seq INTEGER,
    digest TEXT,
    number INTEGER,
    bytes TEXT INDEX OFF STORAGE WITH (columnstore = false),
    PRIMARY KEY ("commit", seq, digest, number)
) CLUSTERED INTO 1 SHARDS;
