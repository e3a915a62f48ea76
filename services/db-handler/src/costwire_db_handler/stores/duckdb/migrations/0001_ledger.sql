-- The ledger, the catalog of versioned tables, and the users.
CREATE SEQUENCE costwire.commits START 1;

CREATE TABLE costwire.deliveries (
    commit BIGINT PRIMARY KEY,
    id VARCHAR NOT NULL,
    table_name VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    manifest VARCHAR NOT NULL,
    entry VARCHAR NOT NULL,
    periods VARCHAR NOT NULL,
    applied BIGINT,
    twin BIGINT,
    dry_run BOOLEAN NOT NULL
);
COMMENT ON COLUMN costwire.deliveries.applied IS 'the state that readers saw from then on, and the number that its new charges carry; differs from commit when another delivery was settled, or it was accepted, later than it was opened';
COMMENT ON COLUMN costwire.deliveries.twin IS 'of a repeated content: the delivery that brought it, whose charges and quarantine are its own';
COMMENT ON COLUMN costwire.deliveries.dry_run IS 'opened to see what it would do; in no list, and gone once that is told';

CREATE TABLE costwire.shapes (
    table_name VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    period VARCHAR NOT NULL,
    commit BIGINT NOT NULL,
    PRIMARY KEY (table_name, source, period)
);
COMMENT ON TABLE costwire.shapes IS 'which delivery last shaped what readers see of a billing period of a source';

CREATE TABLE costwire.quarantine (
    commit BIGINT NOT NULL,
    origin VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    raw VARCHAR NOT NULL,
    "column" VARCHAR,
    rule VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE costwire.tables (name VARCHAR PRIMARY KEY);

CREATE TABLE costwire.columns (
    table_name VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    sql_name VARCHAR NOT NULL,
    PRIMARY KEY (table_name, name)
);

CREATE SEQUENCE costwire.source_ids START 1;

CREATE TABLE costwire.sources (
    id INTEGER PRIMARY KEY,
    table_name VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    UNIQUE (table_name, name)
);

CREATE TABLE costwire.users (
    name VARCHAR PRIMARY KEY,
    role VARCHAR NOT NULL,
    password_hash VARCHAR NOT NULL
);

CREATE TABLE costwire.user_tables (
    name VARCHAR PRIMARY KEY,
    owner VARCHAR NOT NULL
);
