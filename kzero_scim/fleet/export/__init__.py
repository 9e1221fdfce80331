"""A fleet described for other systems: pipeline matrices and Kubernetes manifests."""
