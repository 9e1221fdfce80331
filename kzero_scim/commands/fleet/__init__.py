"""The commands `kzero-scim fleet ...`. Contains no logic of its own."""
