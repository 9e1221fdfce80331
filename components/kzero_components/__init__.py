"""Pulumi components, one per file. They compose resources and know nothing of HTTP or gRPC."""
