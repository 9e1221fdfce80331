"""Reads many tenants in one process, without an engine: drift and status."""
