-- The first state of a table that can still be asked for, and its time; those before have left.
CREATE TABLE IF NOT EXISTS costwire.horizons (
    table_name TEXT PRIMARY KEY,
    state BIGINT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL
) CLUSTERED INTO 1 SHARDS;

-- Tables that are still to be rewritten after an erasure.
CREATE TABLE IF NOT EXISTS costwire.rewrites (
    table_name TEXT PRIMARY KEY,
    "commit" BIGINT NOT NULL
) CLUSTERED INTO 1 SHARDS;
