"""The synchronization schema: reading it, checking its shape, merging rows into it. Pure."""
