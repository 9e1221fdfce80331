"""Works on one tenant without Pulumi's engine: check, drift, status, doctor, add, adopt."""
