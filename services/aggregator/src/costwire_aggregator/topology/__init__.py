"""One topology of many clusters: what series tell of them, chosen, and written. Pure: no IO."""
