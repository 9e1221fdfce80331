"""``kzero:entra:OnDemandProvisioning``."""
