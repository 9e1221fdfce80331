"""Builds the environment of one tenant: where its credentials come from, and which are missing."""
