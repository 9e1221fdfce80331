"""A stack on disk and in its backend: its file, state, lock and recovery. Knows no service."""
