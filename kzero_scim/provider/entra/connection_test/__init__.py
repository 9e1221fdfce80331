"""``kzero:entra:ConnectionTest``."""
