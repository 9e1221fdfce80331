"""Scripts that prepare a machine with only Python's standard library, and scripts that run the demo and the audit."""
