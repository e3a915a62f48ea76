"""The pages: made on the server, complete without JavaScript."""
