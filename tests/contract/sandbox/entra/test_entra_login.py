"""The login endpoint of the local Entra."""

import time

import pytest
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from joserfc import jwt
from joserfc.jwk import KeySet
from kzero_sandbox.organisation import LEAST_PRIVILEGE
from kzero_sandbox.serving import Certificates

from tests.contract.sandbox.entra.world import Entra


def test_metadata_describes_a_cloud_of_https_urls_on_one_origin(entra: Entra) -> None:
    """The document that azuread reads first has the members that azuread requires."""
    body = entra.http.get("/metadata/endpoints?api-version=2022-09-01").json()

    base = entra.emulator.base_url
    assert body["name"]
    assert body["resourceManager"].startswith("https://")
    assert body["authentication"]["loginEndpoint"] == base
    assert body["microsoftGraphResourceId"] == f"{base}/"


def test_a_token_carries_tenant_client_and_granted_permissions(entra: Entra) -> None:
    """A token verifies with the published keys and contains tenant, client and permissions."""
    answer = entra.sign_in("least-privilege")

    body = answer.json()
    keys = KeySet.import_key_set(entra.http.get(f"/{entra.organisation.tenant_id}/discovery/v2.0/keys").json())
    claims = jwt.decode(body["access_token"], keys, algorithms=["RS256"]).claims
    seed = entra.organisation.client("least-privilege")
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3599)
    assert claims["tid"] == entra.organisation.tenant_id
    assert claims["appid"] == seed.client_id
    assert claims["oid"] == seed.object_id
    assert claims["roles"] == sorted(LEAST_PRIVILEGE)
    assert claims["exp"] > time.time() + 3000


def _token_request(entra: Entra, **changes: str) -> dict[str, str]:
    seed = entra.organisation.client("admin")
    form = {
        "client_id": seed.client_id,
        "client_secret": seed.secret,
        "grant_type": "client_credentials",
        "scope": f"{entra.emulator.base_url}/.default",
    }
    return form | changes


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", "AADSTS7000215"),
        ({"client_id": "5a4d0b0c-0000-4000-8000-000000000999"}, 400, "unauthorized_client", "AADSTS700016"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "AADSTS70003"),
        ({"scope": "https://other.example/.default"}, 400, "invalid_scope", "AADSTS1002012"),
        ({"client_secret": ""}, 401, "invalid_client", "AADSTS7000216"),
    ],
)
def test_a_wrong_sign_in_is_refused_with_entras_code(
    entra: Entra, changes: dict[str, str], status: int, error: str, code: str
) -> None:
    """Each mistake returns Entra's AADSTS code and a message without the secret."""
    answer = entra.http.post(
        f"/{entra.organisation.tenant_id}/oauth2/v2.0/token", data=_token_request(entra, **changes)
    )

    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, error)
    assert body["error_description"].startswith(f"{code}: ")
    assert body["error_codes"] == [int(code.removeprefix("AADSTS"))]
    assert entra.organisation.client("admin").secret not in answer.text


def test_an_unknown_tenant_is_refused_everywhere(entra: Entra) -> None:
    """Token, discovery and keys requests for an unknown tenant fail with AADSTS90002."""
    other = "99999999-0000-4000-8000-000000000000"

    answers = [
        entra.http.post(f"/{other}/oauth2/v2.0/token", data=_token_request(entra)),
        entra.http.get(f"/{other}/v2.0/.well-known/openid-configuration"),
        entra.http.get(f"/{other}/discovery/v2.0/keys"),
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert all("AADSTS90002" in answer.json()["error_description"] for answer in answers)


def test_azure_identity_signs_in_with_a_secret(entra: Entra, certificates: Certificates) -> None:
    """Microsoft's own library accepts the discovery document and the token."""
    seed = entra.organisation.client("admin")
    with ClientSecretCredential(
        entra.organisation.tenant_id,
        seed.client_id,
        seed.secret,
        authority=entra.emulator.base_url,
        disable_instance_discovery=True,
        connection_verify=str(certificates.ca_file),
    ) as credential:
        token = credential.get_token(f"{entra.emulator.base_url}/.default").token

    answer = entra.http.get("/v1.0/organization", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["value"][0]["id"] == entra.organisation.tenant_id


def test_azure_identity_signs_in_with_a_federated_workload_identity(entra: Entra, certificates: Certificates) -> None:
    """A CI system's token is exchanged without a secret."""
    seed = entra.organisation.client("admin")
    subject = {"subject": seed.federated_subject}

    with ClientAssertionCredential(
        entra.organisation.tenant_id,
        seed.client_id,
        lambda: str(entra.http.post("/sandbox/oidc-token", json=subject).json()["value"]),
        authority=entra.emulator.base_url,
        disable_instance_discovery=True,
        connection_verify=str(certificates.ca_file),
    ) as credential:
        token = credential.get_token(f"{entra.emulator.base_url}/.default").token

    answer = entra.http.get("/v1.0/organization", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ({"subject": "repo:somebody/else:ref:main"}, "AADSTS700213"),
        ({"subject": "repo:contoso/tenants:ref:main", "audience": "https://other.example"}, "AADSTS700027"),
        ({"subject": "repo:contoso/tenants:ref:main", "lifetime": -600}, "AADSTS700027"),
    ],
    ids=["other-subject", "other-audience", "expired"],
)
def test_a_workload_identity_that_is_not_registered_is_refused(
    entra: Entra, token: dict[str, object], code: str
) -> None:
    """A workload token with another subject, another audience or a past expiry is refused."""
    assertion = entra.http.post("/sandbox/oidc-token", json=token).json()["value"]
    form = _token_request(entra, client_assertion=assertion)
    form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    answer = entra.http.post(f"/{entra.organisation.tenant_id}/oauth2/v2.0/token", data=form)

    assert answer.status_code == 401
    assert code in answer.json()["error_description"]


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Bearer a.b.c", "Basic YTpi"])
def test_graph_refuses_anything_but_a_token_of_this_tenant(entra: Entra, authorization: str) -> None:
    """Anything but a token of this tenant is a 401 InvalidAuthenticationToken error."""
    answer = entra.http.get("/v1.0/users", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_graph_refuses_tokens_that_are_expired_or_for_another_audience(entra: Entra) -> None:
    """Graph refuses an expired token, and the token that the provisioning service sends to targets."""
    expired = entra.http.post("/sandbox/token", json={"lifetime": -10}).json()["access_token"]
    foreign = entra.http.post("/sandbox/provisioning-token").json()["access_token"]

    answers = [
        entra.http.get("/v1.0/users", headers={"Authorization": f"Bearer {token}"}) for token in (expired, foreign)
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
