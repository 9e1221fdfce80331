"""The benchmarks: seconds and requests per tenant, compared with an empty program and with azuread alone."""
