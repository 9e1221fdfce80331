"""``kzero:keycloak:ScimApiClient``."""
