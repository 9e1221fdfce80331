"""Sets a machine up for this project with nothing but Python's standard library; runs the demo and the audit."""
