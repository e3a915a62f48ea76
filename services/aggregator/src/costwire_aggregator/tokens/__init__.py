"""Who may ask: bearer tokens of a request, checked alike for HTTP and gRPC. `key_server` has IO."""
