"""Fixtures for all layers of tests: one sandbox per session, and one tenant per test.

`make test` distributes the tests to several processes (pytest-xdist). Each process is a session with its own sandbox on
free ports, so no test sees the tenants of another process.

Use them like this::

    def test_something(tenant: Tenant) -> None:
        tenant.env                              # environment of a program that manages this tenant
        tenant.scim_url                         # the Tenant URL that Entra gets
        tenant.keycloak_admin.get("/users")     # Keycloak's admin API of this realm, signed in
        tenant.user("alex@contoso.example")     # one Keycloak user, or None
        tenant.entra.post("/sandbox/cycle")     # the Entra emulator's control API
        tenant.kzero.get("/sandbox/requests")   # the requests that the KZero front received

The first test that needs the sandbox starts it on free ports in a temporary folder. It ends with the session, even if
the session is killed. Its Keycloak is real: without one (see `kzero_sandbox.kzero.keycloak`), these tests fail and say
so. Provisioning cycles run only when a test starts them. A tenant is a new realm. The Entra emulator has one tenant,
which each `tenant` fixture resets, so a test must not use two.
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

# The time for an example depends on the load of the machine, especially with several test processes.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test-fast` uses this profile. Each run tries other examples.
settings.register_profile("fast", settings.get_profile("tests"), max_examples=25)
settings.load_profile("tests")

PROCESS_MEMORY = 1280
"""Memory in MB of a test process with its sandbox and engine. Half of it is Keycloak's."""

WAITING_PROCESSES = 2
"""Test processes beyond the number of cores, because tests wait for external programs."""

_LONG = ("e2e", "engine")
"""Folders of the files that take longest, the longest first."""

_EXTERNAL = frozenset({"keycloak", "pulumi", "axe", "_chromium"})
"""The fixtures that every test with Keycloak, the Pulumi CLI or the browser uses."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes for `--numprocesses=auto`, limited by memory; 0 instead of 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    waiting = 0 if config.option.markexpr == "not external" else WAITING_PROCESSES
    wanted = min(cores + waiting, _free_memory() // PROCESS_MEMORY)
    return wanted if wanted > 1 else 0


def _free_memory() -> int:
    """Return the free memory in MB if Linux reports it, otherwise more than the tests need."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 1024 * 1024
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), 1024 * 1024)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use external programs. With several processes, the files that take longest run first.

    If the short ones come last, all processes end at about the same time.
    """
    for item in items:
        if not _EXTERNAL.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("external")
    if hasattr(config, "workerinput"):
        external = {item.path for item in items if item.get_closest_marker("external")}
        items.sort(key=lambda item: (item.path not in external, *(folder not in item.path.parts for folder in _LONG)))


@pytest.fixture(scope="session")
def keycloak() -> Path:
    """Return the Keycloak distribution. A test that starts its own Keycloak uses this fixture."""
    try:
        return distribution()
    except KeycloakStartError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """Return the Pulumi CLI. A test that starts its own engine uses this fixture."""
    found = shutil.which("pulumi", path=os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")]))
    if found is None:
        pytest.fail("no pulumi in .venv/bin or on PATH; run `make setup`", pytrace=False)
    return Path(found)


@pytest.fixture(scope="session")
def sandbox(keycloak: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox that all tests of the session share."""
    del keycloak  # required here; a test may use another one for its own sandbox
    with own_sandbox(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def tenant(sandbox: RunningSandbox) -> Iterator[Tenant]:
    """A KZero tenant with a disabled endpoint and no mappers, and an Entra tenant in its initial state."""
    with sandbox.tenant() as made:
        yield made


@pytest.fixture
def kzero_endpoint(sandbox: RunningSandbox, tenant: Tenant) -> Iterator[KZeroEndpoint]:
    """A tenant with the profile Azure, an enabled endpoint, and the guide's seven mappers."""
    with open_endpoint(sandbox, tenant) as endpoint:
        yield endpoint
