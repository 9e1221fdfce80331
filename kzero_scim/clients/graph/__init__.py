"""The client of Microsoft Graph v1.0 and the sign-in to Entra. Knows no resource."""
