"""The azuread stand-in as a plugin: sign-in, retries, cancellation, secrets, schema, process."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.functions import FUNCTIONS
from kzero_sandbox.azuread.graph import connection
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.resources import RESOURCES
from kzero_sandbox.azuread.server import schema

from tests.contract.sandbox.azuread.graph import ME, Script, token
from tests.contract.sandbox.azuread.plugin import CLIENT, TENANT, Plugin, Waits, running, sign_in

CLIENT_CONFIG = "azuread:index/getClientConfig:getClientConfig"
DOMAINS = {"tok": "azuread:index/getDomains:getDomains", "args": {}}
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}
OUTPUT = {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
APPLICATION = "azuread:index/applicationFromTemplate:ApplicationFromTemplate"
ROOT = Path(__file__).parents[4]


@pytest.fixture
def graph() -> Script:
    return Script()


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def plugin(graph: Script, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plugin]:
    """Yield the plugin, not yet configured."""
    sign_in(monkeypatch)
    async with running(graph, waits) as plugin:
        yield plugin


class TestSignIn:
    """Configuration of the provider through `azuread:` or the environment."""

    async def test_configuration_overrides_the_environment(self, plugin: Plugin, graph: Script) -> None:
        """Configuration overrides the environment, and a secret in it is unwrapped."""
        args = {"clientId": "from-config", "clientSecret": SECRET | {"value": "from-config-too"}}

        await plugin("Configure", {"args": args})
        answer = await plugin("Invoke", {"tok": CLIENT_CONFIG, "args": {}})

        assert answer["response"]["return"]["clientId"] == "from-config"
        assert "client_secret=from-config-too" in graph.forms[0]

    async def test_a_federated_token_needs_no_secret(
        self, plugin: Plugin, graph: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pipeline's token is used as the assertion, without a secret."""
        monkeypatch.delenv("ARM_CLIENT_SECRET")

        answer = await plugin("Configure", {"args": {"useOidc": "true", "oidcToken": "pipeline"}})

        assert "response" in answer
        assert graph.forms == [
            (
                f"client_assertion=pipeline&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                f"&client_id={CLIENT}&grant_type=client_credentials&scope=https://localhost:18443/graph/.default"
            )
        ]

    @pytest.mark.parametrize(
        ("variable", "named"),
        [
            ("ARM_METADATA_HOSTNAME", "azuread:metadataHost or ARM_METADATA_HOSTNAME"),
            ("ARM_TENANT_ID", "azuread:tenantId or ARM_TENANT_ID"),
            ("ARM_CLIENT_SECRET", "azuread:clientSecret or ARM_CLIENT_SECRET"),
        ],
    )
    async def test_a_missing_setting_is_named(
        self, plugin: Plugin, monkeypatch: pytest.MonkeyPatch, variable: str, named: str
    ) -> None:
        """A missing setting is named; without a metadata host, the stand-in does not use Microsoft's cloud."""
        monkeypatch.delenv(variable)

        answer = await plugin("Configure", {"args": {}})

        assert named in answer["errors"][0]

    async def test_a_secret_in_a_file_is_read(
        self, plugin: Plugin, graph: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """A secret is read from a file without the trailing newline, as the official plugin does."""
        monkeypatch.delenv("ARM_CLIENT_SECRET")
        (tmp_path / "secret").write_text("in-a-file\n")

        await plugin("Configure", {"args": {"clientSecretFilePath": str(tmp_path / "secret")}})

        assert "client_secret=in-a-file" in graph.forms[0]

    async def test_a_call_before_configuration_fails(self, plugin: Plugin) -> None:
        """A call before the configuration fails with a message that says what is missing."""
        answer = await plugin("Invoke", {"tok": CLIENT_CONFIG, "args": {}})

        assert "azuread is not configured" in answer["errors"][0]

    async def test_a_refusal_does_not_show_the_secret(
        self, plugin: Plugin, graph: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error names the client, the tenant and the endpoint's message, but not the secret."""
        monkeypatch.setenv("ARM_CLIENT_SECRET", "never-to-be-seen")
        said = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        graph.token_answer = httpx.Response(401, json=said)

        answer = await plugin("Configure", {"args": {}})

        assert f"cannot sign in as {CLIENT} in tenant {TENANT}" in answer["errors"][0]
        assert "AADSTS7000215: Invalid client secret provided." in answer["errors"][0]
        assert "never-to-be-seen" not in answer["errors"][0]

    async def test_an_endpoint_that_is_not_a_login_is_reported(self, plugin: Plugin, graph: Script) -> None:
        """An answer that is not from a login endpoint, such as a proxy's page, is reported with its status."""
        graph.token_answer = httpx.Response(502, text="<html>")

        answer = await plugin("Configure", {"args": {}})

        assert "answered 502: Bad Gateway" in answer["errors"][0]

    async def test_a_token_without_an_object_id_is_looked_up(self, plugin: Plugin, graph: Script) -> None:
        """If the token has no object id, the application's service principal provides it."""
        graph.token_answer = httpx.Response(200, json={"access_token": token(), "expires_in": 3599})
        graph.on(f"GET /v1.0/servicePrincipals?$filter=appId eq '{CLIENT}'", {"value": [{"id": "found"}]})
        await plugin("Configure", {"args": {}})

        answer = await plugin("Invoke", {"tok": CLIENT_CONFIG, "args": {}})

        assert answer["response"]["return"]["objectId"] == "found"

    async def test_a_token_is_kept_until_its_renewal(self, plugin: Plugin, graph: Script) -> None:
        """A token is kept until it expires within 20 minutes."""
        graph.on("GET /v1.0/domains", {"value": [{"id": "contoso.com"}]})
        await plugin("Configure", {"args": {}})
        await plugin("Invoke", DOMAINS)
        kept = len(graph.forms)
        graph.token_answer = httpx.Response(200, json={"access_token": token(oid=ME), "expires_in": 600})
        await plugin("Configure", {"args": {}})
        await plugin("Invoke", DOMAINS)

        assert kept == 1
        assert len(graph.forms) == kept + 2

    async def test_returns_the_signed_in_client(self, plugin: Plugin) -> None:
        """`getClientConfig` returns the ids from the token's claims."""
        await plugin("Configure", {"args": {}})

        answer = await plugin("Invoke", {"tok": CLIENT_CONFIG, "args": {}})

        assert answer["response"]["return"]["id"] == f"{TENANT}-{CLIENT}-{ME}"


def test_a_trust_store_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error for an unreadable trust store names the environment variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    with pytest.raises(Refusal, match=r"SSL_CERT_FILE=.*none\.pem: No such file"):
        connection()


class TestRetries:
    """Which answers of Graph are retried."""

    async def test_throttling_is_waited_out(self, plugin: Plugin, graph: Script, waits: Waits) -> None:
        """A throttled request is retried after the time that Graph states, or after a pause that doubles."""
        busy = {"error": {"code": "TooManyRequests", "message": "later"}}
        graph.on("GET /v1.0/domains", busy, status=429, headers={"Retry-After": "7"})
        graph.on("GET /v1.0/domains", busy, status=503)
        graph.on("GET /v1.0/domains", {"value": [{"id": "contoso.com"}]})
        await plugin("Configure", {"args": {}})

        answer = await plugin("Invoke", DOMAINS)

        assert "response" in answer
        assert waits.seconds == [7.0, 2.0]

    async def test_it_gives_up_after_all_retries(self, plugin: Plugin, graph: Script, waits: Waits) -> None:
        """After 16 retries, the error contains Graph's answer."""
        graph.on("GET /v1.0/domains", {"error": {"code": "Down", "message": "out"}}, status=500)
        await plugin("Configure", {"args": {}})

        answer = await plugin("Invoke", DOMAINS)

        assert "GET /v1.0/domains: Microsoft Graph answered 500 Down: out" in answer["errors"][0]
        assert len(waits.seconds) == 16
        assert max(waits.seconds) == 61.0

    @pytest.mark.parametrize(
        "error",
        [
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
            httpx.ReadError("reset"),
        ],
    )
    async def test_a_read_is_repeated_if_the_connection_breaks(
        self, plugin: Plugin, graph: Script, waits: Waits, error: httpx.TransportError
    ) -> None:
        """The server closed a kept connection, or the answer is truncated."""
        graph.broken("GET /v1.0/domains", error)
        graph.on("GET /v1.0/domains", {"value": [{"id": "contoso.com"}]})
        await plugin("Configure", {"args": {}})

        answer = await plugin("Invoke", DOMAINS)

        assert "response" in answer
        assert waits.seconds == [1.0]

    @pytest.mark.parametrize("status", [400, 401, 403, 501])
    async def test_a_refusal_is_final(self, plugin: Plugin, graph: Script, waits: Waits, status: int) -> None:
        """A refusal is not retried."""
        graph.on("GET /v1.0/domains", {"error": {"code": "No", "message": "no"}}, status=status)
        await plugin("Configure", {"args": {}})

        await plugin("Invoke", DOMAINS)

        assert len(graph.asked) == 1
        assert waits.seconds == []


async def test_a_cancelled_operation_is_finished(graph: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel does not end an operation that has begun, so that the engine records its result."""
    sign_in(monkeypatch)
    begun = asyncio.Event()

    class Noted(Pauses):
        """Waits for real, but shortly, and shows when a wait has started."""

        async def pause(self, seconds: float) -> None:
            """Wait."""
            begun.set()
            await super().pause(min(seconds, 0.3))

    busy = {"error": {"code": "TooManyRequests", "message": "later"}}
    graph.on("GET /v1.0/domains", busy, status=429)
    graph.on("GET /v1.0/domains", {"value": [{"id": "contoso.com"}]})
    async with running(graph, Noted()) as plugin:
        await plugin("Configure", {"args": {}})
        waiting = asyncio.create_task(plugin("Invoke", DOMAINS))
        await begun.wait()
        await plugin("Cancel", {})
        finished = await waiting

    assert "response" in finished


async def test_secrets_and_outputs_are_unwrapped(plugin: Plugin) -> None:
    """Secrets and outputs are unwrapped; an output without a value is unknown."""
    news = {
        "displayName": SECRET | {"value": "KZero"},
        "templateId": OUTPUT | {"dependencies": []},
    }
    urn = f"urn:pulumi:dev::project::{APPLICATION}::app"

    answer = await plugin("Check", {"urn": urn, "news": news})

    assert answer["response"]["inputs"] == {
        "__defaults": [],
        "displayName": "KZero",
        "templateId": "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    }


class TestSchema:
    """The schema is part of the official plugin's schema and agrees with the plugin's own tables."""

    DOCUMENT: dict[str, Any] = json.loads(schema())

    def test_contains_what_the_plugin_implements(self) -> None:
        """The schema contains exactly the resources and functions that the plugin implements."""
        assert self.DOCUMENT["version"] == "6.11.1"
        assert set(self.DOCUMENT["resources"]) == set(RESOURCES)
        assert set(self.DOCUMENT["functions"]) == set(FUNCTIONS)

    def test_refers_to_nothing_that_was_cut_away(self) -> None:
        """The schema refers to no type that it lacks, which `pulumi package get-schema` would refuse."""
        types = {f"#/types/{each}" for each in self.DOCUMENT["types"]}

        assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(self.DOCUMENT))) - types <= {"pulumi.json#/Any"}
        assert "methods" not in self.DOCUMENT["provider"]

    @pytest.mark.parametrize("token", RESOURCES)
    def test_inputs_are_the_official_ones(self, token: str) -> None:
        """Input names, required inputs and inputs that replace the resource match the official schema."""
        declared = self.DOCUMENT["resources"][token]
        inputs = {each.name: each for each in RESOURCES[token].properties if each.is_input}

        assert set(inputs) == set(declared["inputProperties"])
        assert {name for name, each in inputs.items() if each.required} == set(declared["requiredInputs"])
        assert {name for name, each in inputs.items() if each.force_new} == {
            name for name, each in declared["inputProperties"].items() if each.get("willReplaceOnChanges")
        }

    @pytest.mark.parametrize("token", RESOURCES)
    def test_outputs_are_the_official_ones(self, token: str) -> None:
        """Output names and kinds match the official schema."""
        declared = self.DOCUMENT["resources"][token]["properties"]

        assert {each.name for each in RESOURCES[token].properties} == set(declared)
        for each in RESOURCES[token].properties:
            assert self.kind_of(declared[each.name]) == each.kind

    def kind_of(self, declared: dict[str, Any]) -> str:
        """Return the kind of a property in a schema, in the terms of the plugin's tables."""
        if declared.get("type") == "array":
            return "strings" if declared["items"].get("type") == "string" else "objects"
        if declared.get("type") == "object":
            return "map"
        return "object" if "$ref" in declared else str(declared["type"])


@pytest.mark.parametrize("engine", [[], ["127.0.0.1:1"]])
def test_starts_with_and_without_an_engine_and_stops_on_a_signal(engine: list[str]) -> None:
    """The plugin prints only its port on the first line and stops on a signal without a traceback."""
    command = [sys.executable, "-m", "kzero_sandbox.azuread", *engine]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert port.strip().isdigit()
    assert process.returncode == 0
    assert said == ""


def test_starts_without_the_sdk() -> None:
    """The plugin starts without importing the SDK, which would take half a second of every run."""
    program = (
        "import sys; from kzero_sandbox.azuread.__main__ import shorten_imports; shorten_imports(); "
        "import kzero_sandbox.azuread.server; "
        "print({'pulumi.automation', 'pulumi_azuread', 'kzero_scim', 'httpx'} & set(sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said.strip() == "set()"
