"""Pulumi components: one a file. They compose resources and know nothing of HTTP or gRPC."""
