"""``kzero:entra:ProvisioningStatus``."""
