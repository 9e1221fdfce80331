"""Arguments and options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[
    Path, typer.Option("--project", help="Folder of Pulumi.yaml.", exists=True, file_okay=False, resolve_path=True)
]
TenantName = Annotated[str, typer.Argument(help="Stack of the tenant, as in `pulumi stack ls`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def finite(value: float | None) -> float | None:
    """Return a number of seconds that the command line gave. NaN passes every comparison with a minimum.

    Raises:
        BadParameter: The value is NaN or infinite.
    """
    if value is not None and not math.isfinite(value):
        message = f"{value} is not a number of seconds"
        raise typer.BadParameter(message)
    return value
