"""Runs tenants with Pulumi's engine, several at once, each in a worker process."""
