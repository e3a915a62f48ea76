"""The document of the ICOS Aggregator: its model, its fold, its text. Pure: no socket, no clock."""
