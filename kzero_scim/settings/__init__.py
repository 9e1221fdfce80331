"""One tenant's settings and the provider's configuration, with types, defaults, checks and remedies."""
