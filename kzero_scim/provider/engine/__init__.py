"""The engine's gRPC protocol and its encoding. No other package knows them."""
