"""One tenant's settings and the provider's configuration: types, defaults, checks and remedies."""
