"""``kzero-scim fleet export``: writes the fleet for engines that run elsewhere. No logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kzero_scim.commands.fleet.options import SelectOptions
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.display import one_line
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.export import stack_manifest
from kzero_scim.fleet.project import FleetProject


@with_option_blocks
def export(  # noqa: PLR0913 - one keyword an option
    select: SelectOptions,
    *,
    operator: Annotated[
        bool, typer.Option("--operator", help="As Stack manifests for the Pulumi Kubernetes Operator 2.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="A folder for one file a tenant; without it, all are printed.")
    ] = None,
    repository: Annotated[str, typer.Option(help="Source: address of the project's Git repository.")] = "",
    branch: Annotated[str, typer.Option(help="Its branch.")] = "main",
    token_secret: Annotated[str, typer.Option(help="Secret with an access token for it, key token.")] = "",
    flux: Annotated[str, typer.Option(metavar="NAME", help="Source: a GitRepository of Flux, instead.")] = "",
    folder: Annotated[str, typer.Option(help="Of Pulumi.yaml in either; else its root.")] = "",
    image_folder: Annotated[str, typer.Option(help="Source: the project's folder in --image, instead.")] = "",
    image: Annotated[str, typer.Option(help="Image of the workspaces; else the operator's own choice.")] = "",
    namespace: Annotated[str, typer.Option(help="Of the Stacks.")] = "kzero-scim",
    service_account: Annotated[str, typer.Option(help="Of the workspaces.")] = "kzero-scim",
    backend: Annotated[str, typer.Option(help="Address of the state; else PULUMI_BACKEND_URL in a Secret.")] = "",
    organization: Annotated[str, typer.Option(help="Of Pulumi Cloud, where the state is there.")] = "",
    resync: Annotated[
        int | None, typer.Option(min=60, metavar="SECONDS", help="Run again so often without a new commit, too.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only foretell changes, never make them.")] = False,
) -> None:
    """Write the fleet for an engine that runs elsewhere. No cluster is asked, and no secret is written."""
    del operator  # the one form that there is; it is named so that another can follow
    sources: list[stack_manifest.GitSource | stack_manifest.FluxSource | stack_manifest.ImageSource] = []
    if repository:
        sources.append(stack_manifest.GitSource(repository, branch, folder, token_secret))
    if flux:
        sources.append(stack_manifest.FluxSource(flux, folder))
    if image_folder:
        sources.append(stack_manifest.ImageSource(image_folder))
    if len(sources) != 1:
        message = "say where the project comes from, with one of --repository, --flux and --image-folder"
        raise SettingsError(message)
    fleet = FleetProject.load(select.project)
    chosen = select.selected(fleet)
    settings = stack_manifest.StackSettings(
        source=sources[0],
        image=image,
        namespace=namespace,
        service_account=service_account,
        backend=backend,
        qualifier=f"{organization}/{fleet.name}" if organization else "",
        resync=resync,
        preview=preview,
    )
    stacks = stack_manifest.documents(chosen, fleet.tenants.values(), settings)
    if output is None:
        typer.echo(stack_manifest.as_text(stacks), nl=False)
        return
    stack_manifest.write_folder(stacks, output)
    typer.echo(f"{len(stacks)} Stack{'' if len(stacks) == 1 else 's'} in {one_line(str(output))}")
