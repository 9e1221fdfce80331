"""``kzero:keycloak:MapperSet``."""
