-- Quarantined rows with their cells and a number that stays, and what replays made of them.
ALTER TABLE costwire.quarantine ADD COLUMN number BIGINT;
ALTER TABLE costwire.quarantine ADD COLUMN cells VARCHAR;
UPDATE costwire.quarantine SET number = numbered.number FROM (
    SELECT rowid AS id, row_number() OVER (PARTITION BY commit, origin ORDER BY rowid) - 1 AS number
    FROM costwire.quarantine
) AS numbered WHERE quarantine.rowid = numbered.id;

CREATE TABLE costwire.repairs (
    commit BIGINT NOT NULL,
    replay BIGINT NOT NULL,
    "row" VARCHAR NOT NULL,
    content VARCHAR NOT NULL,
    was VARCHAR NOT NULL,
    now VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    "column" VARCHAR,
    is_cut BOOLEAN NOT NULL
);
COMMENT ON TABLE costwire.repairs IS 'what the replays of a delivery made of its quarantined rows: no cells, their identity and costs';
