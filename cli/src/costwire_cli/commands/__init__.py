"""One module per command; each has `run(args)`, which gives the exit status."""
