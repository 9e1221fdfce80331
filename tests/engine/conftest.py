"""Fixtures for tests with a real engine and the provider in the test's own process."""

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
    """Collect what a test's last run leaves. Before this point, pytest's fixtures still refer to it."""
    collect_what_runs_leave()


@pytest.fixture
def engine(pulumi: Path, tmp_path: Path) -> Iterator[MakeStack]:
    """Yield a function that creates a stack: ``engine(program, package, config={...}, secrets={...})``."""
    del pulumi  # required; the Automation API finds it itself
    with ExitStack() as providers:

        def make(program: Program, package: Package, **options: Any) -> EngineStack:  # noqa: ANN401 - options of EngineStack
            provider = providers.enter_context(AttachedProvider(package))
            return EngineStack(program, tmp_path, [provider], **options)

        yield make


@pytest.fixture
def tenant_stack(tenant: Tenant, engine: MakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TenantStack:
    """A tenant and its stack, before the first ``up``."""
    enter(monkeypatch, tenant)
    return TenantStack(tenant, engine, tmp_path)


@pytest.fixture
def running(tenant_stack: TenantStack) -> TenantStack:
    """A tenant and its stack, after the first ``up``."""
    tenant_stack.up()
    return tenant_stack
