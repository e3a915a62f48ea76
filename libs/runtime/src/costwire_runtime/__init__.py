"""What every Costwire service needs once."""
