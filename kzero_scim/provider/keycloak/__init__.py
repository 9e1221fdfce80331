"""The KZero side of the package. Each resource has a folder of its own."""
