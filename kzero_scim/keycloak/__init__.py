"""Reads Keycloak's representations: protocol mappers, endpoint attributes, its own SCIM API. Pure: sends no request."""
