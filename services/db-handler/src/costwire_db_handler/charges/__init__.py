"""Charges on their way into a store, the same for every engine: typed, hashed, staged, compared."""
