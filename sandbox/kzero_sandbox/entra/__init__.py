"""A local Microsoft Entra ID: login, Microsoft Graph, and the provisioning engine that sends SCIM requests."""
