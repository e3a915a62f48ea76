-- Quarantined rows with their cells, and what replays made of them. A replay's rows are written before
-- its flip: they count once its entry stands among the repairs of a delivery.
ALTER TABLE costwire.quarantine ADD COLUMN cells TEXT INDEX OFF STORAGE WITH (columnstore = false);

CREATE TABLE IF NOT EXISTS costwire.repairs (
    "commit" BIGINT,
    replay BIGINT,
    "row" TEXT,
    content TEXT NOT NULL,
    was TEXT INDEX OFF STORAGE WITH (columnstore = false),
    now TEXT INDEX OFF STORAGE WITH (columnstore = false),
    rule TEXT NOT NULL,
    "column" TEXT,
    is_cut BOOLEAN NOT NULL,
    PRIMARY KEY ("commit", replay, "row")
) CLUSTERED INTO 1 SHARDS;
