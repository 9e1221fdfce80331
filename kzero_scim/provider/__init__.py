"""The resource provider `kzero`: the engine adapter, and one file a resource."""
