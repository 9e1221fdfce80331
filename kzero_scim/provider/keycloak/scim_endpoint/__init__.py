"""``kzero:keycloak:ScimEndpoint``."""
