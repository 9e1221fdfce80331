"""The provider over gRPC: errors are one line without secrets and forged lines."""

from __future__ import annotations

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from kzero_scim.clients.trail import note
from kzero_scim.errors import ProviderError
from tests.contract.provider.engine.calls import create, failure
from tests.toy_package import ToyService


async def test_unexpected_error_is_one_line(
    provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is one line, without a traceback."""
    service.fail["create"] = ValueError("broken\n  inside")

    error = await failure(create(provider, {"room": "hall"}))

    assert error.details() == (
        'toy:index:Shelf "shelf": internal error: ValueError: broken inside; set KZERO_DEBUG=1 for the traceback'
    )
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert capfd.readouterr().err == ""


async def test_an_error_in_a_task_group_is_shown_by_itself(
    provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
) -> None:
    """The operator sees the error inside a group, not that there was a group."""
    service.fail["create"] = ExceptionGroup("unhandled errors in a TaskGroup", [ProviderError("the shelf is full")])

    error = await failure(create(provider, {"room": "hall"}))

    assert error.details() == 'toy:index:Shelf "shelf": the shelf is full'


async def test_a_name_cannot_forge_a_line_or_leak_a_secret_of_several_lines(
    provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
) -> None:
    """Control characters are escaped, and a secret of several lines is redacted."""
    service.fail["create"] = ProviderError('user "x\x1b[2J\u202e" with -----KEY\nabcdef-----')

    error = await failure(create(provider, {"room": "hall", "password": "-----KEY\nabcdef-----"}))

    assert error.details() == 'user "x\\x1b[2J\\u202e" with [secret]'


async def test_an_unexpected_answer_is_reported_with_its_request(
    provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error names the latest request before it."""
    original = service.begin

    async def ask_first(operation: str) -> None:
        note("GET /servicePrincipals/1")
        await original(operation)

    monkeypatch.setattr(service, "begin", ask_first)
    service.fail["create"] = KeyError("id")

    error = await failure(create(provider, {"room": "hall"}))

    assert error.details() == (
        "toy:index:Shelf \"shelf\": internal error after GET /servicePrincipals/1: KeyError: 'id'; the service may "
        "have answered in an undocumented form; set KZERO_DEBUG=1 for the traceback"
    )


async def test_traceback_is_to_be_had_without_secrets(
    provider: provider_pb2_grpc.ResourceProviderStub,
    service: ToyService,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """KZERO_DEBUG=1 writes the traceback to standard error, redacted."""
    monkeypatch.setenv("KZERO_DEBUG", "1")
    service.fail["create"] = ValueError("cannot open with open sesame")

    await failure(create(provider, {"room": "hall", "password": "open sesame"}))

    written = capfd.readouterr().err
    assert "Traceback" in written
    assert "cannot open with [secret]" in written
    assert "open sesame" not in written
