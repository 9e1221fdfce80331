"""The KZero half of the package: one resource a file."""
