"""The environment of one tenant: where its credentials come from and what is missing."""
