"""The HTTP clients for Microsoft Graph, KZero's Keycloak and the SCIM endpoint. Only these modules send requests."""
