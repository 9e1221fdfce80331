"""Replay the official azuread plugin's requests: each answer has the recorded status and the recorded members.

`../azuread/http.jsonl` contains the exchanges of pulumi-azuread 6.11.1 with another double of Graph. Ids differ, so
the replay translates them as they appear.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from kzero_sandbox.organisation import SeedUser

from tests.contract.sandbox.entra.world import Entra, Json

_USER = "aaaaaaaa-0000-0000-0000-000000000001"
_GROUP = "bbbbbbbb-0000-0000-0000-000000000001"
_TENANT = "11111111-1111-1111-1111-111111111111"
_CLIENT = "22222222-2222-2222-2222-222222222222"
_RECORDED_BASE = "http://127.0.0.1:18080"


class _Replay:
    def __init__(self, entra: Entra) -> None:
        self._entra = entra
        organisation = entra.organisation
        manager = organisation.users[0].user_principal_name
        seed = SeedUser(user_principal_name="adele@contoso.com", display_name="Adele Vance", manager=manager)
        user = entra.emulator.directory.add_user(seed, _USER)
        user.update(mail="adele@contoso.com", givenName="Adele", surname="Vance")
        self._ids = {
            _GROUP: organisation.group("kzero-users").id,
            _TENANT: organisation.tenant_id,
            _CLIENT: organisation.client("admin").client_id,
        }

    def _translated(self, text: str) -> str:
        for recorded, own in self._ids.items():
            text = text.replace(recorded, own)
        return text

    def send(self, exchange: Json) -> tuple[int, Any]:
        """Send the recorded request with this Entra's ids, and return status and body."""
        path = self._translated(exchange["path"]) + (
            f"?{self._translated(exchange['query'])}" if exchange["query"] else ""
        )
        body = exchange["request"]
        if isinstance(body, str):
            form = {name: values[0] for name, values in parse_qs(body).items()}
            form["client_id"] = self._translated(form["client_id"])
            form["client_secret"] = self._entra.organisation.client("admin").secret
            form["scope"] = form["scope"].replace(_RECORDED_BASE, self._entra.emulator.base_url)
            answer = self._entra.http.post(path, data=form)
        elif body is None:
            answer = self._entra.http.request(exchange["method"], path)
        else:
            answer = self._entra.http.request(
                exchange["method"], path, json=json.loads(self._translated(json.dumps(body)))
            )
        parsed = answer.json() if answer.content else None
        self._learn(exchange["response"], parsed)
        return answer.status_code, parsed

    def _learn(self, recorded: Any, own: Any) -> None:  # noqa: ANN401 - JSON
        """Store which of this Entra's ids corresponds to which recorded id."""
        if isinstance(recorded, dict) and isinstance(own, dict):
            for name, value in recorded.items():
                if name in {"id", "appId"} and isinstance(value, str) and isinstance(own.get(name), str):
                    self._ids.setdefault(value, own[name])
                else:
                    self._learn(value, own.get(name))


def _exchanges() -> list[Json]:
    lines = (Path(__file__).parents[1] / "azuread" / "http.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _expected(exchange: Json) -> set[str]:
    """Return the members that the answer must have: those of the object, or of a list's first object."""
    response = exchange["response"] or {}
    if exchange["path"].endswith("/manager"):
        return set()  # the recording's double returned a list, Graph returns the manager
    values = response.get("value")
    item = (values or [{}])[0] if isinstance(values, list) else response
    names = {name for name in item if not name.startswith("@")}
    query = unquote(exchange["query"])
    selected = re.search(r"\$select=([\w,]+)", query)
    if selected:
        return set(selected.group(1).split(","))  # the double ignored $select
    if exchange["path"].startswith("/v1.0/users"):
        # The double returned everything; Graph's v1.0 returns these only if selected, which the plugin then does.
        names -= {"accountEnabled", "mailNickname", "userType"}
    return names


def test_every_request_of_the_official_plugin_is_answered_as_recorded(entra: Entra) -> None:
    """Every answer has the recorded status and members, in order."""
    replay = _Replay(entra)
    differences = []

    for exchange in _exchanges():
        status, body = replay.send(exchange)
        values = body.get("value") if isinstance(body, dict) else None
        item = (values or [{}])[0] if isinstance(values, list) else (body or {})
        missing = _expected(exchange) - set(item)
        if status != exchange["status"] or missing:
            differences.append((exchange["method"], exchange["path"], exchange["status"], status, sorted(missing)))

    assert differences == []


def test_lists_of_the_official_plugin_are_as_long_as_recorded(entra: Entra) -> None:
    """A search by name finds one object, and an application without owners returns an empty list."""
    replay = _Replay(entra)
    differences = []

    for exchange in _exchanges():
        _, body = replay.send(exchange)
        recorded: list[Any] = (exchange["response"] or {}).get("value", [])
        looked_up = "$filter" in exchange["query"] or exchange["path"].endswith("/owners")
        if looked_up and len(body["value"]) != len(recorded):
            differences.append((exchange["path"], exchange["query"]))

    assert differences == []
