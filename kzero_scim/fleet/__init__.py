"""Many tenants at once: which, with whose credentials, what came of it, and what people read of it."""
