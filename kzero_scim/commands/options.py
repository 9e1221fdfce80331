"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Project = Annotated[
    Path, typer.Option("--project", help="Folder of Pulumi.yaml.", exists=True, file_okay=False, resolve_path=True)
]
TenantName = Annotated[str, typer.Argument(help="Stack of the tenant, as in `pulumi stack ls`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
