"""The gRPC face of the aggregator: schema, server, tokens, health; no rule of the model."""
