"""FOCUS as data and values: columns, readers, validation, Prometheus codec, synthetic estates."""
