"""The command costwire."""
