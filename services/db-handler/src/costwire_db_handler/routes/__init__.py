"""The endpoints of the database handler, a module per subject."""
