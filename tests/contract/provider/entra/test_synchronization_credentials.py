"""Tests the provisioning credentials against the sandbox's Entra."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kzero_sandbox.serving import ServerThread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.provider.entra.synchronization_credentials.model import (
    SynchronizationCredentialsInputs,
    SynchronizationCredentialsState,
)
from kzero_scim.provider.entra.synchronization_credentials.resource import SynchronizationCredentials
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, Found
from kzero_scim.resource.reading import Absent
from kzero_scim.settings.confirmations import VARIABLE
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

PATH = "/realms/Contoso/scim/v2"
URL = f"https://kzero.example{PATH}"


@dataclass
class Endpoint:
    """A SCIM endpoint without users."""

    url: str
    tokens: set[str]
    """The bearer tokens that it accepts at the moment; ``*`` for any."""


@pytest.fixture
def endpoint(entra: LocalEntra) -> Iterator[Endpoint]:
    """Run an endpoint that Entra can reach and that accepts two tokens."""
    tokens = {"token-one", "token-two"}

    async def answer(request: Request) -> Response:
        if not tokens & {request.headers.get("authorization", "").removeprefix("Bearer "), "*"}:
            return JSONResponse({"detail": "not you"}, 401)
        return JSONResponse({"totalResults": 0, "Resources": []})

    app = Starlette(routes=[Route(f"{PATH}/{{kind}}", answer)])
    assert entra.certificates is not None
    with ServerThread(app, certificates=entra.certificates) as server:
        yield Endpoint(f"{server.url}{PATH}", tokens)


def _wanted(sp: str, url: str = URL) -> SynchronizationCredentialsInputs:
    return SynchronizationCredentialsInputs(
        service_principal_id=sp,
        tenant_url=url,
        secret_token="token-one",
        notification_email="ops@contoso.example",
        deletion_threshold=25,
    )


def _held(entra: LocalEntra, sp: str) -> dict[str, str]:
    return dict(entra.emulator.jobs.secrets.get(sp, {}))


async def test_entra_holds_what_it_is_told(entra: LocalEntra) -> None:
    """Entra has the guide's values under Graph's keys, and a refresh finds no difference."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())

    made = await kind.create(call(), _wanted(sp))

    held = _held(entra, sp)
    assert json.loads(held.pop("SyncNotificationSettings"))["DeleteThresholdValue"] == 25
    assert held == {"BaseAddress": URL, "SecretToken": "token-one", "SyncAll": "false"}
    found = await kind.read(call(), made.id, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state
    assert await kind.diff(call(), made.id, found.state, _wanted(sp)) == []
    assert await kind.plan(call(), _wanted(sp), made.state) == made.state


async def test_a_rotated_token_is_an_update(entra: LocalEntra, endpoint: Endpoint) -> None:
    """Entra tests a rotated token before it is saved, and the connection test runs again."""
    sp = entra.application()
    kind, lines = SynchronizationCredentials(entra.services()), Lines()
    made = await kind.create(call(), _wanted(sp, endpoint.url))
    rotated = replace(_wanted(sp, endpoint.url), secret_token="token-two")

    assert await kind.diff(call(), made.id, made.state, rotated) == [Change("secretToken")]
    foreseen = await kind.plan(call(lines), rotated, made.state)
    state = await kind.update(call(), made.id, made.state, rotated)

    assert _held(entra, sp)["SecretToken"] == "token-two"
    assert state.settings_fingerprint != made.state.settings_fingerprint
    assert state == foreseen
    assert "Entra would test it before saving it" in lines.notes[0]
    assert "token-two" not in f"{state.secret_token_fingerprint}{state.settings_fingerprint}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"secret_token": "token-three"}, "secret token"), ({"tenant_url": f"{URL}?aadOptscim062020"}, "Tenant URL")],
)
async def test_what_does_not_work_replaces_nothing(
    entra: LocalEntra, endpoint: Endpoint, changes: dict[str, Any], named: str
) -> None:
    """A refused token or an unreachable address is not saved, and the error says that the old one stays."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    made = await kind.create(call(), _wanted(sp, endpoint.url))
    held = _held(entra, sp)

    with pytest.raises(ProviderError, match=f"new {named} was not saved and the old one stays in use") as caught:
        await kind.update(call(), made.id, made.state, replace(_wanted(sp, endpoint.url), **changes))

    assert _held(entra, sp) == held
    assert not isinstance(caught.value, PartialFailureError)


async def test_the_whole_directory_is_confirmed_once(
    entra: LocalEntra, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scope all needs a confirmation in preview and update, but only when it is new."""
    sp = entra.application()
    kind, lines = SynchronizationCredentials(entra.services()), Lines()
    narrow = _wanted(sp, endpoint.url)
    whole = replace(narrow, scope="all")
    made = await kind.create(call(), narrow)

    for refused in (
        kind.plan(call(), whole, made.state),
        kind.plan(call(), whole, None),
        kind.update(call(), made.id, made.state, whole),
        kind.create(call(), whole),
    ):
        with pytest.raises(ProviderError, match=f"all users of the directory.*{VARIABLE}=scope=all"):
            await refused
    assert _held(entra, sp)["SyncAll"] == "false"

    monkeypatch.setenv(VARIABLE, "scope=all")
    state = await kind.update(call(), made.id, made.state, whole)
    monkeypatch.delenv(VARIABLE)
    assert _held(entra, sp)["SyncAll"] == "true"
    await kind.update(call(), made.id, state, replace(whole, notification_email=None))
    await kind.plan(call(lines), narrow, state)
    assert "would disable them in KZero" in lines.warnings[0]


async def test_a_notification_is_no_reason_to_test_again(entra: LocalEntra) -> None:
    """A changed notification does not change the trigger for a connection test."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    made = await kind.create(call(), _wanted(sp))

    state = await kind.update(call(), made.id, made.state, replace(_wanted(sp), notification_email=None))

    assert state.settings_fingerprint == made.state.settings_fingerprint
    assert json.loads(_held(entra, sp)["SyncNotificationSettings"])["Enabled"] is False


async def test_settings_that_are_left_out_are_removed(
    entra: LocalEntra, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed settings are removed in Entra, and without a token Entra sends its own."""
    monkeypatch.setenv(VARIABLE, "scope=all")
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    made = await kind.create(call(), _wanted(sp, endpoint.url))
    bare = SynchronizationCredentialsInputs(service_principal_id=sp, tenant_url=endpoint.url, scope="all")
    endpoint.tokens.add("*")

    state = await kind.update(call(), made.id, made.state, bare)

    assert _held(entra, sp) == {"BaseAddress": endpoint.url, "SyncAll": "true"}
    assert await kind.diff(call(), made.id, state, bare) == []


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("BaseAddress", Change("tenantUrl")),
        ("SecretToken", Change("secretToken", ChangeKind.ADD)),
        ("SyncAll", Change("missingKeys[0]", ChangeKind.DELETE)),
        ("SyncNotificationSettings", Change("notificationEmail", ChangeKind.ADD)),
    ],
)
async def test_a_removed_key_is_drift_and_repaired(
    entra: LocalEntra, endpoint: Endpoint, key: str, change: Change
) -> None:
    """A removed key is drift of its property, and an update repairs it."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    wanted = _wanted(sp, endpoint.url)
    made = await kind.create(call(), wanted)
    del entra.emulator.jobs.secrets[sp][key]

    found = await kind.read(call(), made.id, made.state)

    assert isinstance(found, Found)
    changes = await kind.diff(call(), made.id, found.state, wanted)
    assert change in changes
    assert {one.path for one in changes} <= {change.path, "deletionThreshold"}
    assert await kind.update(call(), made.id, found.state, wanted) == made.state
    assert key in _held(entra, sp)


async def test_keys_of_others_are_left_alone(entra: LocalEntra) -> None:
    """Other keys are reported, and stay in an update and a deletion."""
    sp = entra.application()
    entra.emulator.jobs.set_secrets(sp, [{"key": "EnforceDomain", "value": "x"}])
    kind = SynchronizationCredentials(entra.services())

    made = await kind.create(call(), _wanted(sp))
    assert made.state.unmanaged_keys == ["EnforceDomain"]
    await kind.delete(call(), made.id, made.state)

    assert _held(entra, sp) == {"EnforceDomain": "x"}
    assert await kind.read(call(), made.id, made.state) == Absent()


async def test_a_token_of_others_is_not_taken_away(entra: LocalEntra) -> None:
    """A token that the stack did not set stays, and the operator gets a warning."""
    sp = entra.application()
    entra.emulator.jobs.set_secrets(sp, [{"key": "SecretToken", "value": "theirs"}])
    lines = Lines()

    made = await SynchronizationCredentials(entra.services()).create(
        call(lines), replace(_wanted(sp), secret_token=None)
    )

    assert _held(entra, sp)["SecretToken"] == "theirs"
    assert "SecretToken" in made.state.unmanaged_keys
    assert "did not set" in lines.warnings[0]


async def test_no_token_is_remarked_on_at_preview(entra: LocalEntra) -> None:
    """A preview logs Microsoft's recommendation once if no token is set. It signs in and asks nothing."""
    kind, lines = SynchronizationCredentials(entra.services()), Lines()
    without = replace(_wanted(UNKNOWN), secret_token=None)

    state = await kind.plan(call(lines, preview=True), without, None)

    assert "testing only" in lines.notes[0]
    assert state.settings_fingerprint is UNKNOWN or state.secret_token_fingerprint is None
    assert [path for _, path in entra.requests() if path.startswith("/v1.0")] == []


async def test_what_entra_takes_and_forgets_is_an_error(entra: LocalEntra) -> None:
    """A key that Entra accepts but does not keep is an error, and the next update sets it again."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    await kind.create(call(), _wanted(sp))
    body = {"value": [{"key": "BaseAddress", "value": "*"}, {"key": "SyncAll", "value": "*"}]}
    entra.fail("synchronization/secrets$", 200, "GET", body=body, times=None)

    with pytest.raises(PartialFailureError, match="does not show SecretToken, SyncNotificationSettings") as caught:
        await kind.create(call(), _wanted(sp))

    state = caught.value.state
    assert isinstance(state, SynchronizationCredentialsState)
    assert state.secret_token is None
    assert "token-one" not in str(caught.value)


async def test_dropped_keys_of_others_are_told(entra: LocalEntra) -> None:
    """A warning names other keys that Graph has dropped."""
    sp = entra.application()
    lines = Lines()
    body = {"value": [{"key": "EnforceDomain", "value": "*"}]}
    entra.fail("synchronization/secrets$", 200, "GET", body=body)

    await SynchronizationCredentials(entra.services()).create(call(lines), _wanted(sp))

    assert any("lost secrets that this stack did not set (EnforceDomain)" in line for line in lines.warnings)


async def test_values_that_graph_shows_are_compared(entra: LocalEntra) -> None:
    """If Graph shows values, a changed address or scope is drift."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    made = await kind.create(call(), _wanted(sp))
    shown = {
        "BaseAddress": "https://other.example",
        "SyncAll": "true",
        "SecretToken": "*",
        "SyncNotificationSettings": "*",
    }
    body = {"value": [{"key": key, "value": value} for key, value in shown.items()]}
    entra.fail("synchronization/secrets$", 200, "GET", body=body)

    found = await kind.read(call(), made.id, made.state)

    assert isinstance(found, Found)
    changes = await kind.diff(call(), made.id, found.state, _wanted(sp))
    assert changes == [Change("tenantUrl"), Change("scope")]


@pytest.mark.parametrize("hidden", ["*", "********", None, "", "REDACTED", "hidden://value", "0", "[]"])
async def test_whatever_is_no_value_is_hidden(entra: LocalEntra, hidden: str | None) -> None:
    """In whatever way Graph hides values, a refresh finds no difference."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    wanted = replace(_wanted(sp), scope="assigned")
    made = await kind.create(call(), wanted)
    keys = ("BaseAddress", "SyncAll", "SecretToken", "SyncNotificationSettings")
    body = {"value": [{"key": key, "value": hidden} for key in keys]}
    entra.fail("synchronization/secrets$", 200, "GET", body=body)

    found = await kind.read(call(), made.id, made.state)

    assert isinstance(found, Found)
    assert found.state == made.state
    assert await kind.diff(call(), made.id, found.state, wanted) == []


async def test_an_import_tells_what_can_be_told(entra: LocalEntra) -> None:
    """An import has the visible values, the configured Tenant URL, and needs at least one owned key."""
    sp = entra.application()
    services = entra.services()
    services.config = replace(services.config, server_url="https://kzero.example", realm="Contoso")
    kind = SynchronizationCredentials(services)
    assert await kind.read(call(), sp, None) == Absent()
    await kind.create(call(), _wanted(sp))

    found = await kind.read(call(), sp, None)

    assert isinstance(found, Found)
    assert found.inputs.service_principal_id == sp
    assert found.inputs.secret_token is None
    assert "SecretToken" in found.state.unmanaged_keys
    assert (found.inputs.tenant_url, found.state.tenant_url) == (URL, "")
    assert (await kind.check(call(), found.inputs, None))[1] == []


async def test_an_import_without_a_tenant_url_is_refused_with_a_remedy(entra: LocalEntra) -> None:
    """If nothing says the Tenant URL, the import fails with a sentence instead of importing wrong inputs."""
    sp = entra.application()
    kind = SynchronizationCredentials(entra.services())
    await kind.create(call(), _wanted(sp))

    with pytest.raises(ProviderError, match=r"Entra hides their Tenant URL\. Set kzero:serverUrl and kzero:realm"):
        await kind.read(call(), sp, None)


async def test_a_vanished_service_principal_is_gone(entra: LocalEntra) -> None:
    """A refresh and a deletion accept a deleted service principal."""
    gone = "00000000-0000-4000-8000-000000000001"
    kind = SynchronizationCredentials(entra.services())
    state = await kind.plan(call(), _wanted(gone), None)

    assert await kind.read(call(), gone, state) == Absent()
    await kind.delete(call(), gone, state)
    with pytest.raises(GraphError):
        await kind.create(call(), _wanted(gone))


async def test_bad_settings_are_refused_together(entra: LocalEntra) -> None:
    """All bad settings are reported by path, without a request."""
    bad = SynchronizationCredentialsInputs(
        service_principal_id="x",
        tenant_url="http://kzero.example/realms/Contoso/scim/v2",
        secret_token=" x ",
        notification_email="ops",
        deletion_threshold=0,
    )

    _, failures = await SynchronizationCredentials(entra.services()).check(call(), bad, None)

    paths = [failure.path for failure in failures]
    assert paths == ["servicePrincipalId", "tenantUrl", "secretToken", "notificationEmail", "deletionThreshold"]
    assert entra.requests() == []


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        (URL, True),
        (f"{URL}/", False),
        (f"{URL}?aadOptscim062020", True),
        ("https://localhost:8443/realms/My%20Tenant/scim/v2", True),
        (f"{URL}?x=1", False),
        (f"{URL}/Users", False),
        (f"{URL}#x", False),
        ("https://user:pw@kzero.example/realms/Contoso/scim/v2", False),
        ("https:///realms/Contoso/scim/v2", False),
        ("https://kzero.example:x/realms/Contoso/scim/v2", False),
        ("kzero", False),
    ],
)
async def test_tenant_urls_have_kzeros_form(entra: LocalEntra, url: str, *, is_good: bool) -> None:
    """Tenant URLs in KZero's form are accepted, and an empty token counts as no token."""
    inputs = replace(_wanted("00000000-0000-4000-8000-000000000001"), tenant_url=url, secret_token="")

    kept, failures = await SynchronizationCredentials(entra.services()).check(call(), inputs, None)

    assert (failures == []) is is_good
    assert kept.secret_token is None
    assert "pw" not in str(failures)


async def test_a_tenant_url_at_another_server_than_kzeros_is_refused_unless_allowed(entra: LocalEntra) -> None:
    """A Tenant URL with another host or port is refused unless allowed, because Entra would send its token there."""
    services = entra.services()
    services.config = replace(services.config, server_url="https://Localhost")
    resource = SynchronizationCredentials(services)
    inputs = replace(_wanted("00000000-0000-4000-8000-000000000001"), secret_token=None)

    async def reasons(url: str, *, allowed: bool = False) -> list[str]:
        tried = replace(inputs, tenant_url=url, allow_foreign_tenant_url=allowed)
        return [failure.reason for failure in (await resource.check(call(), tried, None))[1]]

    assert await reasons("https://localhost:443/realms/Contoso/scim/v2") == []
    assert await reasons("https://evil.example/realms/Contoso/scim/v2", allowed=True) == []
    for url in ("https://evil.example/realms/Contoso/scim/v2", "https://localhost:8443/realms/Contoso/scim/v2"):
        reason = (
            f'"{url}" is at another server than serverUrl (https://Localhost). Entra would send its token and all '
            "users there; correct it, or set allowForeignTenantUrl"
        )
        assert await reasons(url) == [reason]
