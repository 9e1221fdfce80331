"""The only places that speak HTTP: Microsoft Graph, KZero's Keycloak, and the SCIM endpoint."""
