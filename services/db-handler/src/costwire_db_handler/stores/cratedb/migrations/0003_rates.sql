-- Exchange rates by month; a rate that was used for a finished month is frozen.
CREATE TABLE IF NOT EXISTS costwire.rates (
    month TEXT,
    base TEXT,
    target TEXT,
    rate TEXT NOT NULL,
    source TEXT NOT NULL,
    frozen TIMESTAMP WITHOUT TIME ZONE,
    PRIMARY KEY (month, base, target)
) CLUSTERED INTO 1 SHARDS;
