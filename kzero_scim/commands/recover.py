"""``kzero-scim recover``: frees a stack after a run that was killed. Contains no logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kzero_scim.commands.options import Project
from kzero_scim.display import one_line
from kzero_scim.stack.recovery import recover as free_stack


def recover(
    tenant: Annotated[str, typer.Argument(help="Stack of the tenant, as in `pulumi stack ls`.")],
    project: Project = Path(),
) -> None:
    """Unlock a stack after a run was killed.

    Removes the stack's lock and its pending operations, and repairs a state that
    a full disk truncated. Contacts no service and removes no resource from a
    complete state. The next `pulumi up` finds what exists already and continues.

    Fails while the run that holds the lock is alive, or may be alive on another
    machine.

    Exit codes: 0 the stack is free, 1 it could not be freed.
    """
    done = free_stack(tenant, project)
    for line in done:
        typer.echo(one_line(line))
    shown = one_line(tenant)
    typer.echo(f"next: pulumi up --stack {shown}" if done else f"stack {shown} is not locked; nothing to do")
