"""The engine's gRPC protocol and its encoding of values. No other package knows them."""
