"""What people and pipelines read of a run: comment, table, progress, JUnit. Reads results, asks no service."""
