"""The commands `kzero-scim tenant ...`. Contains no logic of its own."""
