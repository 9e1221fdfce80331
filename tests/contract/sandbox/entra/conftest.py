"""Fixtures of the local Entra's contract tests: one shared server, which each test starts with its initial state."""

from collections.abc import Iterator

import pytest
from kzero_sandbox.serving import Certificates, issue_certificates

from tests.contract.sandbox.entra.world import TAG, TOKEN, Application, Entra, Target, running_entra, running_target


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return an authority and a certificate for localhost."""
    return issue_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def running(certificates: Certificates) -> Iterator[Entra]:
    """Yield the shared local Entra."""
    with running_entra(certificates) as entra:
        yield entra


@pytest.fixture
def entra(running: Entra) -> Entra:
    """Return the local Entra in its initial state, signed in with every permission."""
    running.http.post("/sandbox/reset")
    token = running.http.post("/sandbox/token").json()["access_token"]
    running.http.headers["Authorization"] = f"Bearer {token}"
    return running


@pytest.fixture
def target(certificates: Certificates) -> Iterator[Target]:
    """Yield an empty scim2-server that knows the custom extension."""
    with running_target(certificates) as target:
        yield target


@pytest.fixture
def application(entra: Entra) -> Application:
    """Return an enterprise application whose job maps extensionAttribute1 to the guide's tag and is not started."""
    application = entra.application()
    application.create_job()
    schema = application.schema()
    users = schema["directories"][1]["objects"][0]["attributes"]
    users.append({**users[-1], "name": TAG, "type": "String", "referencedObjects": []})
    rows = schema["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"]
    source = {
        "expression": "[extensionAttribute1]",
        "name": "extensionAttribute1",
        "type": "Attribute",
        "parameters": [],
    }
    rows.append({**rows[-1], "targetAttributeName": TAG, "source": source})
    assert application.put_schema(schema).status_code == 204
    return application


@pytest.fixture
def provisioning(application: Application, target: Target) -> Application:
    """Return that application with its job started, which provisions to the scim2-server without a flag."""
    application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)
    application.start()
    return application
