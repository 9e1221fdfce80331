"""Describes a fleet for other systems: pipeline matrices and Kubernetes manifests."""
