"""Reads of users, groups and app role assignments, shared by the resources of both sides."""
