"""The command line `kzero-scim`: words for the operator and exit codes. Contains no logic of its own."""
