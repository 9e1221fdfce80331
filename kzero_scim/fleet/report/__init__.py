"""Renders a run for people and pipelines: words, groups, comment, JUnit. Reads results and contacts no service."""
