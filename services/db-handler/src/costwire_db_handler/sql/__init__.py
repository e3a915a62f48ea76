"""SQL of users: what may run, in CrateDB's words and wire format. Pure: no engine."""
