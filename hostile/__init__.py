"""Attacks: a hostile tenant in a fleet of four, and proof that it gets nothing and the other three are unaffected."""
