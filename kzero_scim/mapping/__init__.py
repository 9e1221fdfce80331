"""Attribute mappings, and the comparison of a user on both sides. Pure: sends no request."""
