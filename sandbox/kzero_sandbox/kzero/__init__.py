"""A local KZero: a real Keycloak, a realm a tenant, and the SCIM endpoint in front on the same origin.

Knows nothing of the product's own clients, so that it can prove them wrong.
"""
