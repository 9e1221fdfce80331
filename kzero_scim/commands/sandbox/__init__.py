"""`kzero-scim sandbox …`: a local Entra ID and a local KZero to try everything on, without any account."""
