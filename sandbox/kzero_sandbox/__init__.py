"""A local Entra ID and a local KZero to test the product against. Must not import the product, to stay independent."""
