"""Reads and explains the documents of Entra's provisioning service. Pure: sends no request."""
