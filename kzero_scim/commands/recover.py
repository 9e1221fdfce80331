"""``kzero-scim recover``: frees a stack after a run that was killed. Contains no logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kzero_scim.commands.options import Project
from kzero_scim.display import one_line
from kzero_scim.stack.recovery import recover as free_stack


def recover(
    tenant: Annotated[str, typer.Argument(help="The tenant's stack, as in `pulumi stack ls`.")],
    project: Project = Path(),
) -> None:
    """Free a stack after a run that was killed: its lock, and what Pulumi still takes for under way.

    No service is asked anything and no resource is forgotten; `pulumi up` finds what exists already and goes on.
    Refused while the run that holds the lock goes on, or may do so on another machine.
    """
    done = free_stack(tenant, project)
    for line in done:
        typer.echo(one_line(line))
    typer.echo(f"now run: pulumi up --stack {tenant}" if done else f"stack {tenant} is free; there was nothing to do")
