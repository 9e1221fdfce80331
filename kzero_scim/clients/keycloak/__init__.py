"""The client of Keycloak's admin API for a KZero tenant. Knows no resource."""
