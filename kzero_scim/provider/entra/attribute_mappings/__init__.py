"""``kzero:entra:AttributeMappings``."""
