"""What can be done for one tenant without the engine: check, drift, status, doctor, add, adopt."""
