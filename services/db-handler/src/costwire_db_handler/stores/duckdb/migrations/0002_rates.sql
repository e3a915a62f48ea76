-- Exchange rates by month; a rate that was used for a finished month is frozen.
CREATE TABLE costwire.rates (
    month VARCHAR NOT NULL,
    base VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    rate VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    frozen TIMESTAMP,
    PRIMARY KEY (month, base, target)
);
