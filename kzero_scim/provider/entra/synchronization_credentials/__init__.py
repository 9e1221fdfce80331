"""``kzero:entra:SynchronizationCredentials``."""
