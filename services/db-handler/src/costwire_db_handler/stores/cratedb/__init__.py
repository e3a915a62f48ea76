"""The CrateDB engine: a cluster of nodes, spoken to over HTTP."""
