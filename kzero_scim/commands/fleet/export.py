"""``kzero-scim fleet export``: writes the fleet as manifests. Contains no logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kzero_scim.commands.fleet.options import SelectOptions
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.display import one_line
from kzero_scim.errors import SettingsError
from kzero_scim.exit_codes import ExitCode
from kzero_scim.fleet.export import stack_manifest
from kzero_scim.fleet.project import FleetProject


@with_option_blocks
def export(  # noqa: PLR0913 - one keyword an option
    select: SelectOptions,
    *,
    operator: Annotated[
        bool, typer.Option("--operator", help="Write Stack manifests for Pulumi Kubernetes Operator 2.")
    ],
    output: Annotated[Path | None, typer.Option(help="Folder for one file per tenant (default: print all).")] = None,
    repository: Annotated[str, typer.Option(help="Source: URL of the project's Git repository.")] = "",
    branch: Annotated[str, typer.Option(help="Branch of the Git repository.")] = "main",
    token_secret: Annotated[
        str, typer.Option(help="Secret whose key `token` holds the repository's access token.")
    ] = "",
    flux: Annotated[str, typer.Option(metavar="NAME", help="Source: name of a Flux GitRepository.")] = "",
    folder: Annotated[str, typer.Option(help="Folder of Pulumi.yaml in the repository (default: root).")] = "",
    image_folder: Annotated[str, typer.Option(help="Source: the project's folder in --image.")] = "",
    image: Annotated[str, typer.Option(help="Image of the workspaces (default: the operator's).")] = "",
    namespace: Annotated[str, typer.Option(help="Namespace of the Stacks.")] = "kzero-scim",
    service_account: Annotated[str, typer.Option(help="Service account of the workspaces.")] = "kzero-scim",
    backend: Annotated[str, typer.Option(help="URL of the backend (default: PULUMI_BACKEND_URL in a Secret).")] = "",
    organization: Annotated[str, typer.Option(help="Pulumi Cloud organization, if it is the backend.")] = "",
    resync: Annotated[
        int | None, typer.Option(min=60, metavar="SECONDS", help="Also run at this interval without a new commit.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Preview only; never apply changes.")] = False,
) -> None:
    """Write manifests that run the fleet in Kubernetes. Connects to no cluster and writes no secret.

    Exit codes: 0 done, 1 the command could not run or a stack file cannot be read. Then that manifest stays as it
    was, and the others are written.
    """
    del operator  # the only form so far; the option leaves room for others
    sources: list[stack_manifest.GitSource | stack_manifest.FluxSource | stack_manifest.ImageSource] = []
    if repository:
        sources.append(stack_manifest.GitSource(repository, branch, folder, token_secret))
    if flux:
        sources.append(stack_manifest.FluxSource(flux, folder))
    if image_folder:
        sources.append(stack_manifest.ImageSource(image_folder))
    if len(sources) != 1:
        message = "the project needs one source: give one of --repository, --flux and --image-folder"
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
    unreadable = [tenant for tenant in chosen if tenant.problem]
    if output is None:
        typer.echo(stack_manifest.as_text(stacks), nl=False)
    else:
        stack_manifest.write_folder(stacks, output, unreadable)
        typer.echo(f"{len(stacks)} Stack{'' if len(stacks) == 1 else 's'} in {one_line(str(output))}")
    for tenant in unreadable:
        typer.echo(f"error: {one_line(tenant.name)} is not exported: {one_line(tenant.problem)}", err=True)
    if unreadable:
        raise typer.Exit(ExitCode.FAILED)
