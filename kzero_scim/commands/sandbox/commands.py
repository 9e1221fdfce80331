"""`kzero-scim sandbox …`: starts, breaks and shows a local Entra ID and a local KZero."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from kzero_sandbox import defects
from kzero_sandbox.addresses import Ports, Urls
from kzero_sandbox.azuread import installation
from kzero_sandbox.defects import Defect, DefectError
from kzero_sandbox.fleet import FleetTenant, known_tenant, make_tenants, write_own_project, write_project
from kzero_sandbox.layout import Layout
from kzero_sandbox.manual_setup import Variant, make_by_hand
from kzero_sandbox.processes import SandboxProcess
from kzero_sandbox.replicas import ReplicaError, replicate_all, without_job
from kzero_sandbox.running import RunningSandbox
from kzero_sandbox.status import Status
from rich.console import Console
from rich.table import Table

from kzero_scim.commands.sandbox.replica_state import rewritten
from kzero_scim.exit_codes import ExitCode
from kzero_scim.nearest import did_you_mean

_output = Console()
_messages = Console(stderr=True)
_TIMEOUT_SECONDS = 300.0

Directory = Annotated[
    Path,
    typer.Option("--directory", "-d", help="Folder of the sandbox's data, certificates and logs."),
]
_DEFAULT_DIRECTORY = Path(".sandbox")


def up(  # noqa: PLR0913, PLR0917 - one an option
    directory: Directory = _DEFAULT_DIRECTORY,
    kzero_port: Annotated[int, typer.Option(help="Port of the local KZero; 0 takes a free one.")] = 8443,
    entra_port: Annotated[int, typer.Option(help="Port of the local Entra ID; 0 takes a free one.")] = 8444,
    keycloak_port: Annotated[int, typer.Option(help="Port of Keycloak behind KZero; 0 takes a free one.")] = 18080,
    foreground: Annotated[bool, typer.Option(help="Run in the foreground; Ctrl-C stops the sandbox.")] = False,  # noqa: FBT002 - a flag
    tenants: Annotated[int, typer.Option(min=0, max=5000, help="Also create this many tenants on both sides.")] = 0,
    fleet: Annotated[
        Path | None,
        typer.Option(help="Folder for the project of these tenants (default: fleet in --directory)."),
    ] = None,
    spoilt: Annotated[
        list[str] | None,
        typer.Option("--defect", metavar="KIND=TENANT,...", help="Break these tenants on purpose. Repeatable."),
    ] = None,
) -> None:
    """Start the sandbox and wait until it answers.

    It runs in the background until `sandbox down`.
    """
    process = _process(directory)
    ports = Ports(kzero=kzero_port, entra=entra_port, keycloak=keycloak_port)
    if foreground:
        raise typer.Exit(process.run_in_foreground(ports))
    was_running = process.is_running()
    with _messages.status("starting the sandbox") as spinner:
        try:
            status = process.up(ports, progress=spinner.update)
        except RuntimeError as error:
            _fail(error)
    _messages.print("The sandbox was already running." if was_running else f"The sandbox is {status.message}.")
    _output.print(_table(process, status))
    if plugin := installation.provide(Layout(process.directory).pulumi_home):
        _messages.print(f"Installed the azuread plugin for the sandbox: {plugin}.")
    _output.print(f"In a terminal: source {process.environment_file}", soft_wrap=True)
    own = Layout(process.directory).own_project
    if status.urls is not None and write_own_project(status.urls, own):
        _output.print(f"Its ports are not the usual ones. Use its own project: cd {own}", soft_wrap=True)
    if tenants:
        folder = fleet or directory / "fleet"
        _make_fleet(process, directory, tenants, folder)
        _output.print(f"{tenants} tenants: cd {folder} && source ./env && kzero-scim fleet list", soft_wrap=True)
    for asked in spoilt or ():
        kind, _, names = asked.partition("=")
        _spoil(process, directory, kind, names.split(","), is_repaired=False)


def _make_fleet(process: SandboxProcess, directory: Path, tenants: int, folder: Path) -> None:
    running = RunningSandbox(process=process, urls=_urls(process, directory))
    with _messages.status("creating tenants") as spinner:
        try:
            made = make_tenants(
                running,
                range(1, tenants + 1),
                running.layout.fleet_secrets,
                lambda done: spinner.update(f"creating tenants: {done} of {tenants}"),
            )
        except httpx.HTTPError as error:
            _fail(RuntimeError(f"could not create the tenants: {error}"))
        write_project(running, made, folder)


def break_(
    kind: Annotated[str, typer.Argument(help="drift, quarantine, failing-credentials or slow.")],
    tenants: Annotated[list[str], typer.Argument(help="Stacks of the sandbox's fleet: tenant-003 ...")],
    directory: Directory = _DEFAULT_DIRECTORY,
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Repair the defect instead.")] = False,
) -> None:
    """Break tenants on purpose, to see how the commands report it."""
    _spoil(_process(directory), directory, kind, tenants, is_repaired=repair)


def _spoil(process: SandboxProcess, directory: Path, kind: str, tenants: Iterable[str], *, is_repaired: bool) -> None:
    if kind not in list(Defect):
        _fail(RuntimeError(f"unknown defect {kind!r}; use one of {', '.join(Defect)}"))
    running = RunningSandbox(process=process, urls=_urls(process, directory))
    # All names are checked before the first tenant is changed.
    for name, tenant in _known(tenants, running.layout.fleet_secrets).items():
        try:
            (defects.repair if is_repaired else defects.make)(running, Defect(kind), tenant)
        except (DefectError, httpx.HTTPError) as error:
            _fail(error)
        _output.print(f"{name}: {kind}{' repaired' if is_repaired else ''}")


def replicate(
    source: Annotated[str, typer.Argument(help="Tenant that is set up, for example tenant-001.")],
    targets: Annotated[list[str] | None, typer.Argument(help="Tenants to set up (default: all that are not).")] = None,
    directory: Directory = _DEFAULT_DIRECTORY,
    fleet: Annotated[Path | None, typer.Option(help="Folder of their project (default: fleet in --directory).")] = None,
) -> None:
    """Clone one configured tenant to others.

    For benchmarks: copying the state is much faster than `fleet up`. Each clone
    gets the source's stack file with its own names and tags.
    """
    process = _process(directory)
    running = RunningSandbox(process=process, urls=_urls(process, directory))
    secrets = running.layout.fleet_secrets
    try:
        names = targets or without_job(running)
        found = _known((source, *names), secrets)
        chosen = [found[name] for name in names]
        with _messages.status(f"cloning {source} to {len(chosen)} tenants") as spinner:
            replicate_all(
                running,
                found[source],
                chosen,
                fleet or directory / "fleet",
                rewritten,
                lambda done: spinner.update(f"cloning {source}: {done} of {len(chosen)}"),
            )
    except (ReplicaError, httpx.HTTPError) as error:
        _fail(error)
    _output.print(f"Cloned {source} to {len(names)} tenants.")


def _known(names: Iterable[str], secrets: Path) -> dict[str, FleetTenant]:
    """Return the tenants of these names, or end the command if one is blank or unknown."""
    found = {name: known_tenant(name, secrets) for name in names}
    known = [file.stem for file in secrets.glob("*.json")]
    for name, tenant in found.items():
        if tenant is None:
            what = f"the sandbox has no tenant {name!r}" if name.strip() else "a tenant's name is blank"
            remedy = "create some with `kzero-scim sandbox up --tenants N`"
            _fail(RuntimeError(f"{what}{did_you_mean(name, known, remedy)}"))
    return {name: tenant for name, tenant in found.items() if tenant is not None}


def down(directory: Directory = _DEFAULT_DIRECTORY) -> None:
    """Stop the sandbox and keep its data."""
    with _messages.status("stopping the sandbox"):
        try:
            stopped = _process(directory).down()
        except RuntimeError as error:
            _fail(error)
    _messages.print("The sandbox is stopped." if stopped else f"No sandbox is running in {directory}.")


def status(directory: Directory = _DEFAULT_DIRECTORY) -> None:
    """Show whether the sandbox runs and where.

    Exit codes: 0 ready, 1 not ready.
    """
    process = _process(directory)
    found = process.status()
    if found is None:
        _messages.print(f"No sandbox is running in {directory}. Start one with `kzero-scim sandbox up`.")
        raise typer.Exit(ExitCode.FAILED)
    table = _table(process, found)
    _add_fleet(table, process)
    _output.print(table)
    raise typer.Exit(ExitCode.DONE if found.phase == "ready" else ExitCode.FAILED)


def _add_fleet(table: Table, process: SandboxProcess) -> None:
    """Add rows for the fleet's tenants and the defects made on purpose."""
    layout = Layout(process.directory)
    names = sorted(file.stem for file in layout.fleet_secrets.glob("*.json"))
    if names:
        table.add_row("tenants", names[0] if len(names) == 1 else f"{len(names)}: {names[0]} to {names[-1]}")
    for kind, spoiled in defects.made(layout).items():
        until = " (until its next up)" if kind is Defect.DRIFT else ""
        table.add_row("broken", f"{kind}: {', '.join(spoiled)}{until}")


def cycle(
    tenant: Annotated[str | None, typer.Argument(help="Entra tenant ID (default: the sandbox's own).")] = None,
    directory: Directory = _DEFAULT_DIRECTORY,
) -> None:
    """Run one provisioning cycle now.

    The real Entra ID runs a cycle about every 40 minutes.
    """
    if tenant is not None and not tenant.strip():
        _fail(RuntimeError("the tenant's ID is blank; leave it out for the sandbox's own tenant"))
    process = _process(directory)
    urls = _urls(process, directory)
    with _messages.status("running a provisioning cycle"):
        try:
            answer = httpx.post(
                f"{urls.entra}/sandbox/cycle",
                json={"tenantId": tenant} if tenant else {},
                verify=process.trust(),
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
            )
        except httpx.TransportError as error:
            _fail(
                RuntimeError(
                    f"the local Entra ID at {urls.entra} does not answer; restart it with "
                    f"`kzero-scim sandbox down` and `up`: {error}"
                )
            )
    if answer.is_error:
        _fail(RuntimeError(f"the local Entra ID answered {answer.status_code}: {answer.text[:300]}"))
    _output.print_json(answer.text)


def manual_setup(
    variant: Annotated[str, typer.Option(help="complete, half, extra or twins (two applications).")] = "complete",
    users: Annotated[int, typer.Option(min=0, help="Also create and assign this many users.")] = 0,
    directory: Directory = _DEFAULT_DIRECTORY,
) -> None:
    """Set up a tenant as if by hand, for `kzero-scim adopt`."""
    process = _process(directory)
    urls = _urls(process, directory)
    if variant not in list(Variant):
        _fail(RuntimeError(f"unknown variant {variant!r}; use one of {', '.join(Variant)}"))
    with RunningSandbox(process=process, urls=urls).own_tenant() as tenant:
        try:
            made = make_by_hand(tenant, Variant(variant), users=users)
        except httpx.HTTPStatusError as error:
            said = f"{error.request.url.path} answered {error.response.status_code}: {error.response.text[:200]}"
            _fail(
                RuntimeError(
                    f"could not set up the tenant; if it is set up already, run `make clean` and "
                    f"start the sandbox again: {said}"
                )
            )
    for application in made:
        _output.print(f'"{application.name}", service principal {application.service_principal_id}', soft_wrap=True)


def env(directory: Directory = _DEFAULT_DIRECTORY) -> None:
    """Print the sandbox's environment for a shell: `eval "$(kzero-scim sandbox env)"`."""
    file = _process(directory).environment_file
    if not file.is_file():
        _fail(RuntimeError(f"{file} does not exist; start the sandbox with `kzero-scim sandbox up`"))
    typer.echo(file.read_text(), nl=False)


def _process(directory: Path) -> SandboxProcess:
    return SandboxProcess(directory)


def _urls(process: SandboxProcess, directory: Path) -> Urls:
    found = process.status()
    if found is None or found.urls is None:
        _fail(RuntimeError(f"no sandbox is running in {directory}; start one with `kzero-scim sandbox up`"))
    return found.urls


def _table(process: SandboxProcess, found: Status) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("state", found.message)
    if found.urls is not None:
        table.add_row("KZero", found.urls.kzero)
        table.add_row("Entra ID", found.urls.entra)
        table.add_row("Keycloak behind KZero", found.urls.keycloak)
    table.add_row("environment", str(process.environment_file))
    table.add_row("logs", str(process.logs))
    return table


def _fail(error: Exception) -> NoReturn:
    _messages.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(ExitCode.FAILED)
