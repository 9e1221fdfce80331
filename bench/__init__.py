"""The benchmark: what a tenant costs in seconds and requests, beside an empty program and azuread alone."""
