"""The Entra half of the package, one resource a file."""
