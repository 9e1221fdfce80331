"""Sets a machine up for this project with nothing but Python's standard library, and runs the demo."""
