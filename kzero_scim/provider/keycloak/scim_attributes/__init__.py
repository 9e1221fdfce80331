"""``kzero:keycloak:ScimAttributes``."""
