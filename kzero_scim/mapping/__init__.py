"""Attribute mappings, and how a user compares after them. Pure: asks no service."""
