"""``kzero:keycloak:ProvisionedUsers``."""
