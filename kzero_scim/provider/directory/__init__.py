"""Reads of users, groups and app role assignments that resources of both sides share."""
