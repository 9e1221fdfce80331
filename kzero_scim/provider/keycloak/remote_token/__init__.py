"""``kzero:keycloak:RemoteToken``."""
