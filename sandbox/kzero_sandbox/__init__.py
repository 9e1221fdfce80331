"""A local Entra ID and a local KZero. Imports none of the product, so that it can prove the product wrong."""
