"""A local KZero: a real Keycloak with one realm per tenant, and a SCIM endpoint in front of it on the same origin.

Must not know the product's clients, so that it can prove them wrong.
"""
