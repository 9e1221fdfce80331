"""A real engine for tests, with the provider in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kzero_sandbox.running import Tenant

from kzero_scim.provider.package import Package
from tests.engine.attach import AttachedProvider, EngineStack, Program, collect_what_runs_leave
from tests.engine.tenant_program import TenantStack, enter

MakeStack = Callable[..., EngineStack]


def pytest_runtest_logfinish() -> None:
    """Collect what the last run of a test leaves: until here pytest holds the fixtures that hold it."""
    collect_what_runs_leave()


@pytest.fixture
def engine(pulumi: Path, tmp_path: Path) -> Iterator[MakeStack]:
    """Give a function that makes a stack: ``engine(program, package, config={...}, secrets={...})``."""
    del pulumi  # the Automation API finds it by itself
    with ExitStack() as providers:

        def make(program: Program, package: Package, **options: Any) -> EngineStack:  # noqa: ANN401 - those of EngineStack
            provider = providers.enter_context(AttachedProvider(package))
            return EngineStack(program, tmp_path, [provider], **options)

        yield make


@pytest.fixture
def tenant_stack(tenant: Tenant, engine: MakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TenantStack:
    """A tenant of its own and its stack, not up yet."""
    enter(monkeypatch, tenant)
    return TenantStack(tenant, engine, tmp_path)


@pytest.fixture
def running(tenant_stack: TenantStack) -> TenantStack:
    """The same after its first ``up``."""
    tenant_stack.up()
    return tenant_stack
