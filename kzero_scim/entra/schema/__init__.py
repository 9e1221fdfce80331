"""The synchronization schema: reads it, checks its shape, merges rows into it. Pure: sends no request."""
