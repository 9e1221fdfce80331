"""Works on many tenants at once: selection, credentials, runs, sweeps, reports and exports."""
