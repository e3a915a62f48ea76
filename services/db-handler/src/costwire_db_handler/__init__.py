"""Versioned storage of charges, the ledger and SQL."""
