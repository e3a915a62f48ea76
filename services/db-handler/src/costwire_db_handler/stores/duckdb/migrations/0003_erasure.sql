-- Erasures and retention.
CREATE TABLE costwire.rewrites (commit BIGINT PRIMARY KEY);
COMMENT ON TABLE costwire.rewrites IS 'erasures after which this file is still to be written anew';

CREATE TABLE costwire.horizons (
    table_name VARCHAR PRIMARY KEY,
    state BIGINT NOT NULL,
    since TIMESTAMP NOT NULL
);
COMMENT ON TABLE costwire.horizons IS 'the first state of a table that can still be asked for, and its time; those before have left';
