"""``kzero:entra:AppRoleAssignments``."""
