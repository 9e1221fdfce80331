"""The admin API of a KZero tenant's Keycloak. Knows no resource."""
