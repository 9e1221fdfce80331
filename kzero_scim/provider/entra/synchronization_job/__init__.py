"""``kzero:entra:SynchronizationJob``."""
