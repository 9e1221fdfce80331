"""The command line `kzero-scim`: options, output and exit codes. Contains no logic of its own."""
