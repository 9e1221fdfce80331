"""What Entra's provisioning service says and means. Pure: asks no service."""
