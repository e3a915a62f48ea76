"""What clusters cost, by what a bill itself names. All is pure, but for `handler_client`."""
