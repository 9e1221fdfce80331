"""The users and groups that Entra provisions (the guide's step 3, "Users and groups")."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from kzero_scim import sdk as kzero
from kzero_scim.settings.confirmations import UNASSIGN_MAX_SHARE, UNASSIGN_MAX_USERS


class UserAssignments(pulumi.ComponentResource):
    """The users and groups assigned to the enterprise application.

    Args:
        name: Name of the component.
        service_principal_id: Object ID of the application's service principal.
        users: User principal names or object IDs.
        groups: Unique display names or object IDs.
        app_role: Display name of the app role to assign.
        exclusive: Whether to remove users and groups that were assigned outside this stack.
        unassign_max_users: Users who may lose access in one run without a confirmation.
        unassign_max_share: The same as a percentage of all users who have access. The larger limit applies.

    Attributes:
        assignments: Assignments by name.
        unmanaged: Display names of users and groups that were assigned outside this stack.
        warnings: Problems that the operator should check, a sentence each.
    """

    assignments: pulumi.Output[dict[str, str]]
    unmanaged: pulumi.Output[Sequence[str]]
    warnings: pulumi.Output[Sequence[str]]

    def __init__(  # noqa: PLR0913 - one keyword a setting
        self,
        name: str,
        *,
        service_principal_id: pulumi.Input[str],
        users: Sequence[str],
        groups: Sequence[str],
        app_role: str = "User",
        exclusive: bool = False,
        unassign_max_users: int = UNASSIGN_MAX_USERS,
        unassign_max_share: int = UNASSIGN_MAX_SHARE,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the set of assignments."""
        super().__init__("kzero-scim:components:UserAssignments", name, None, opts)
        self.resource = kzero.AppRoleAssignments(
            name,
            service_principal_id=service_principal_id,
            users=list(users),
            groups=list(groups),
            role_name=app_role,
            exclusive=exclusive,
            unassign_max_users=unassign_max_users,
            unassign_max_share=unassign_max_share,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.assignments = self.resource.assignments
        self.unmanaged = self.resource.unmanaged
        self.warnings = self.resource.warnings
        # Without the assignments: the resource's state has them, and thousands of them would be sent twice.
        self.register_outputs({"unmanaged": self.unmanaged})
