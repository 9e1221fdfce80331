"""A real engine for tests, with the provider in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kzero_scim.provider.package import Package
from tests.engine.attach import AttachedProvider, EngineStack, Program, pulumi_on_path

MakeStack = Callable[..., EngineStack]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[MakeStack]:
    """Give a function that makes a stack: ``engine(program, package, config={...}, secrets={...})``."""
    if not pulumi_on_path():
        pytest.fail("no pulumi on PATH; `make test` puts one there")
    with ExitStack() as providers:

        def make(program: Program, package: Package, **options: Any) -> EngineStack:  # noqa: ANN401
            provider = providers.enter_context(AttachedProvider(package))
            return EngineStack(program, tmp_path, [provider], **options)

        yield make


__all__ = ["MakeStack", "Mapping"]
