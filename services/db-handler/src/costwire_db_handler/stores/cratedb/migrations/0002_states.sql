-- The states that readers were shown, for the views beside the tables. A row is written before the
-- flip, so that it is there with the state; the views leave out what was not flipped.
CREATE TABLE IF NOT EXISTS costwire.states (
    table_name TEXT,
    state BIGINT,
    "commit" BIGINT NOT NULL,
    source TEXT NOT NULL,
    delivery TEXT NOT NULL,
    shown_at TIMESTAMP WITHOUT TIME ZONE NOT NULL,
    PRIMARY KEY (table_name, state)
) CLUSTERED INTO 1 SHARDS;
