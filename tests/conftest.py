"""Fixtures for every layer of tests: one sandbox a session, and a tenant of its own for each test.

`make test` shares the tests among several processes (pytest-xdist). Each is a session of its own: it has a sandbox of
its own on free ports, so that none meets another's tenants.

How to use them:

    def test_something(tenant: Tenant) -> None:
        tenant.env                              # environment of a program that manages this tenant
        tenant.scim_url                         # the Tenant URL that Entra is told
        tenant.keycloak_admin.get("/users")     # Keycloak's admin API of this realm, signed in
        tenant.user("alex@contoso.example")     # one Keycloak user, or None
        tenant.entra.post("/sandbox/cycle")     # the Entra emulator's control API
        tenant.kzero.get("/sandbox/requests")   # what the KZero front was asked

The sandbox is started on free ports in a temporary folder when the first test asks for it, and ends with the session,
also when that is killed. Its Keycloak is real: without one (see `kzero_sandbox.kzero.keycloak`) these tests
fail and say so. No provisioning cycle begins by itself, so that a test decides when. A tenant is a new realm; the Entra
emulator knows one tenant, which each `tenant` puts back to its first state, so a test must not use two.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from kzero_sandbox.kzero.keycloak import KeycloakStartError, distribution
from kzero_sandbox.running import RunningSandbox, Tenant, own_sandbox

from tests.kzero_endpoint import KZeroEndpoint, open_endpoint

# How long an example takes tells how busy the machine is, the more so while several processes test at once.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

PROCESS_MEMORY = 1280
"""MB that one process of tests takes with its sandbox, half of it Keycloak's, and the engine that it runs."""

_EXTERNAL = frozenset({"keycloak", "pulumi", "axe", "_chromium"})
"""The fixtures on which every use of Keycloak, the Pulumi CLI and the browser depends."""


def pytest_xdist_auto_num_workers() -> int:
    """Answer `--numprocesses=auto`: as many as there are cores and room for; 0, no further process, where that is 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = min(cores, _free_memory() // PROCESS_MEMORY)
    return wanted if wanted > 1 else 0


def _free_memory() -> int:
    """Give the free memory in MB where Linux tells it, else more than any test takes."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 1024 * 1024
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), 1024 * 1024)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test whose fixtures start one of the external programs; several processes run the files of these first.

    They take longest: what is short, and comes last, lets all processes end at the same time.
    """
    for item in items:
        if not _EXTERNAL.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("external")
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if item.get_closest_marker("external")}
        items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def keycloak() -> Path:
    """Return the Keycloak distribution; a test that starts a Keycloak by itself uses this fixture."""
    try:
        return distribution()
    except KeycloakStartError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """Return the Pulumi CLI; a test that starts an engine by itself uses this fixture."""
    found = shutil.which("pulumi", path=os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")]))
    if found is None:
        pytest.fail("no pulumi in .venv/bin or on PATH: run `make setup`", pytrace=False)
    return Path(found)


@pytest.fixture(scope="session")
def sandbox(keycloak: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A whole sandbox, shared by all tests of the session."""
    del keycloak  # it is there; a test may name another one for a sandbox of its own
    with own_sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def tenant(sandbox: RunningSandbox) -> Iterator[Tenant]:
    """A KZero tenant with an endpoint that is off and no mappers, and an Entra tenant in its first state."""
    with sandbox.tenant() as made:
        yield made


@pytest.fixture
def kzero_endpoint(sandbox: RunningSandbox, tenant: Tenant) -> Iterator[KZeroEndpoint]:
    """A tenant whose endpoint is on with profile Azure and the guide's seven mappers."""
    with open_endpoint(sandbox, tenant) as endpoint:
        yield endpoint
