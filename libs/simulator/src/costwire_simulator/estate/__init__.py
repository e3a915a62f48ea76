"""Made-up clusters: what is in them, and what becomes of it. Pure: a seed and a time are enough."""
