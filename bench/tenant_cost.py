"""Measures what one tenant costs the services and the state: counts and sizes, which do not depend on the load.

`python -m bench.tenant_cost` runs it in a sandbox of its own and writes `bench/scale.json`. Then `python -m
bench.scale` updates the tables of docs/scale.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
from kzero_sandbox.running import RunningSandbox, Tenant
from rich.console import Console

from bench import limits, machine, projects
from bench.figures import Operation
from bench.limits import Counted
from bench.stopwatch import Stack
from bench.surroundings import environment, running
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.page import render_page
from kzero_scim.tenant.drift import Difference
from tools import azuread_plugin, keycloak_dist, pulumi_cli
from tools.problem import Problem, run_main
from tools.python_env import VENV

INPUTS: Final = Path(__file__).parent / "scale.json"
_STACK: Final = "scale"
_BEFORE_DESTROY: Final[tuple[Operation, ...]] = ("up", "preview", "refresh")
_COMMANDS: Final = ("drift", "status")
_COMPRESSED: Final = {"PULUMI_DIY_BACKEND_ZSTD": "true"}
"""Makes the engine compress the states that it writes to a self-managed backend."""
_LOAD_SECONDS: Final = 5.0
_LOAD_CLIENTS: Final = 4


def main() -> None:
    """Measure and write the result into the file, which also has results of other benchmarks."""
    console = Console()
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with (
        tempfile.TemporaryDirectory(prefix="kzero-scim-bench-") as folder,
        running(Path(folder), console) as sandbox,
        sandbox.tenant() as tenant,
    ):
        here = machine.read_machine(pulumi, azuread_plugin.install(sandbox.layout.pulumi_home).text)
        found = _measured(sandbox, tenant, projects.tenant(Path(folder) / "tenant"), pulumi)
    kept = json.loads(INPUTS.read_text(encoding="utf-8")) if INPUTS.exists() else {}
    document = {**kept, "tenant": {"machine": here.text, **found}}
    INPUTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console.print_json(data=found)


def _measured(sandbox: RunningSandbox, tenant: Tenant, project: Path, pulumi: Path) -> dict[str, Any]:
    env = environment(tenant, pulumi)
    stack = Stack(project=project, name=_STACK, program=pulumi, env=env, entra=tenant.entra, kzero=tenant.kzero)
    urls = sandbox.urls
    settings = projects.azuread_settings(sandbox.organisation.tenant_id, urls.entra.removeprefix("https://"))
    settings |= projects.tenant_settings(urls.kzero, tenant.realm)
    state = Path(env["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi"
    requests: dict[str, Counted] = {}
    with stack.made(settings):
        for operation in _BEFORE_DESTROY:
            stack.measure(operation)
            requests[operation] = _counted(tenant)
        current, kept = _current(state), _kept(state)
        stack.measure("up")
        requests["up again"] = _counted(tenant)
        plain = _kept(state) - kept
        compressed = replace(stack, env=env | _COMPRESSED)
        compressed.measure("up")
        kept = _kept(state)
        compressed.measure("up")
        for command in _COMMANDS:
            _forget(tenant)
            _run([VENV / "bin" / "kzero-scim", command, _STACK], project, env)
            requests[command] = _counted(tenant)
        sizes = {"state": current, "left_by_an_up": plain, "left_by_a_compressed_up": _kept(state) - kept}
        keycloak = _keycloak(urls.keycloak, tenant)
        stack.measure("destroy")
        requests["destroy"] = _counted(tenant)
    return {
        "requests": {name: counted.as_json() for name, counted in requests.items()},
        "bytes": sizes | {"page": _page(0), "page_of_2000": _page(2000)},
        "keycloak": keycloak,
    }


def _counted(tenant: Tenant) -> Counted:
    logs = [client.get("/sandbox/requests").raise_for_status().json() for client in (tenant.entra, tenant.kzero)]
    return limits.count(*logs)


def _forget(tenant: Tenant) -> None:
    for client in (tenant.entra, tenant.kzero):
        client.delete("/sandbox/requests").raise_for_status()


def _run(words: list[str | Path], project: Path, env: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - the project's own command, no shell
        words, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"{' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}"
        raise Problem(message)


def _current(state: Path) -> int:
    """Return the size of the stack's state and of the copy of its predecessor, in bytes."""
    return _size(state / "stacks")


def _kept(state: Path) -> int:
    """Return the size of what updates leave permanently: their history, and backups of the states, in bytes."""
    return _size(state / "history") + _size(state / "backups")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _page(tenants: int) -> int:
    """Return the size of the fleet's page in bytes, if every tenth tenant has one drifted property."""
    drifted = [Difference(resource="MapperSet", property="mappers.tag.claim", was="tag", now="other")]
    results = [
        TenantResult(
            tenant=f"tenant-{number:05}",
            outcome=Outcome.DRIFTED if number % 10 == 0 else Outcome.UNCHANGED,
            drift=drifted if number % 10 == 0 else [],
            seconds=0.1,
            tags=["emea"],
        )
        for number in range(tenants)
    ]
    at = "2026-01-01T00:00:00Z"
    run = FleetRun(command=Command.DRIFT, project="kzero-scim", began=at, ended=at, results=results)
    return len(render_page([run]).encode())


def _keycloak(url: str, tenant: Tenant) -> dict[str, float]:
    """Return how many requests per second the sandbox's Keycloak answers. The clients run on the same cores."""
    own = tenant.credentials
    form = {"grant_type": "client_credentials", "client_id": own.client_id, "client_secret": own.client_secret}
    token = f"/realms/{own.realm}/protocol/openid-connect/token"

    def grant(client: httpx.Client) -> httpx.Response:
        return client.post(token, data=form)

    with httpx.Client(base_url=url) as client:
        bearer = {"Authorization": f"Bearer {grant(client).raise_for_status().json()['access_token']}"}

    def read(client: httpx.Client) -> httpx.Response:
        return client.get(f"/admin/realms/{own.realm}/clients", params={"clientId": "scim-endpoint"}, headers=bearer)

    return {"grants_a_second": _rate(url, grant), "reads_a_second": _rate(url, read)}


def _rate(url: str, ask: Callable[[httpx.Client], httpx.Response]) -> float:
    """Return the requests per second of several clients with persistent connections, without a warm-up."""
    counts: list[int] = []
    problems: list[str] = []

    def answers(client: httpx.Client, until: float) -> Iterator[None]:
        while time.monotonic() < until:
            ask(client).raise_for_status()
            yield

    def work() -> None:
        try:
            with httpx.Client(base_url=url) as client:
                for _ in answers(client, time.monotonic() + 1):
                    pass
                counts.append(sum(1 for _ in answers(client, time.monotonic() + _LOAD_SECONDS)))
        except httpx.HTTPError as error:
            problems.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(_LOAD_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        message = f"a request to Keycloak failed: {problems[0]}"
        raise Problem(message)
    return round(sum(counts) / _LOAD_SECONDS, 1)


if __name__ == "__main__":
    run_main(main)
