"""`kzero-scim tenant …`: tenants of a project."""
