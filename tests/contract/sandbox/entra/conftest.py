"""Fixtures of the local Entra's contract tests: one server for all of them, put back to its first day for each."""

from collections.abc import Iterator

import pytest
from kzero_sandbox.serving import Certificates, issue_certificates

from tests.contract.sandbox.entra.world import TAG, TOKEN, Application, Entra, Target, running_entra, running_target


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a certificate for localhost."""
    return issue_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def running(certificates: Certificates) -> Iterator[Entra]:
    """The local Entra, shared."""
    with running_entra(certificates) as entra:
        yield entra


@pytest.fixture
def entra(running: Entra) -> Entra:
    """The local Entra on its first day, signed in with every permission."""
    running.http.post("/sandbox/reset")
    token = running.http.post("/sandbox/token").json()["access_token"]
    running.http.headers["Authorization"] = f"Bearer {token}"
    return running


@pytest.fixture
def target(certificates: Certificates) -> Iterator[Target]:
    """An empty scim2-server that knows the custom extension."""
    with running_target(certificates) as target:
        yield target


@pytest.fixture
def application(entra: Entra) -> Application:
    """An enterprise application with a job, not started, that maps extensionAttribute1 to the guide's tag."""
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
    """That application, started, provisioning to the scim2-server in the manner without a flag."""
    application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)
    application.start()
    return application
