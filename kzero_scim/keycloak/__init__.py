"""What Keycloak's representations mean: protocol mappers, SCIM endpoint attributes, its own SCIM API. Pure."""
