"""Fault injection: breaks what can break while `pulumi up` runs, and checks that a second `up` repairs it."""
