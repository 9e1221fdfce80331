"""The formats that settings and resources share: each text is taken by both or refused by both."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.errors import SettingsError
from kzero_scim.mapping.attribute_mapping import guide_rows, row_failures
from kzero_scim.provider.keycloak.remote_token.resource import token_endpoint
from kzero_scim.resource.formats import is_email, is_guid, is_tenant_path, same_id, same_tenant_url, tenant_url
from kzero_scim.settings.items import CustomAttribute, Mapper, repeated_claims
from kzero_scim.settings.tenant_settings import TenantSettings

ENTRA = "5a4d0b0c-0000-4000-8000-00000000e401"
SERVER = "https://ca.auth.kzero.com"
_CUSTOM = "urn:ietf:params:scim:schemas:extension:"


def settings_take(**changes: object) -> bool:
    """Return whether the settings accept a change."""
    given = {"azuread:tenantId": ENTRA, "kzeroTenant": "Contoso", "scope": "all", **changes}
    try:
        TenantSettings.model_validate(given, by_name=False)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        (f"{_CUSTOM}CustomExtensionName:2.0:User:tag", True),
        (f"{_CUSTOM}Custom-Ext:2.0:User:tag", True),
        (f"{_CUSTOM}Custom_Ext:2.0:User:tag_2", True),
        (f"{_CUSTOM}Ext:2.0:User:cost-center", True),
        (f"{_CUSTOM}Ext:2.0:User:9x", False),
        (f"{_CUSTOM}Ext:2.0:User:_x", False),
        (f"{_CUSTOM}Ext:2.0:User:", False),
        (f"{_CUSTOM}Ext:2.0:Group:tag", False),
        (f"{_CUSTOM}Ext:1.0:User:tag", False),
        (f"{_CUSTOM}Ex t:2.0:User:tag", False),
        ("tag", False),
    ],
)
def test_settings_and_resource_take_the_same_custom_attributes(name: str, *, is_good: bool) -> None:
    """Entra prescribes the URN, RFC 7643 the attribute's own name: a letter, then letters, digits, - and _."""
    assert settings_take(customAttributes=[{"name": name}]) is is_good
    assert (row_failures({"userName": guide_rows()["userName"]}, [CustomAttribute(name=name)]) == []) is is_good


@pytest.mark.parametrize(
    ("path", "is_good"),
    [
        ("/realms/Contoso/scim/v2", True),
        ("/realms/My%20Tenant/scim/v2", True),
        ("/realms/Contoso/scim/v2/", False),
        ("/realms/Contoso/scim/v2/Users", False),
        ("/realms//scim/v2", False),
        ("/realms/a/b/scim/v2", False),
    ],
)
def test_a_tenant_path_has_no_trailing_slash(path: str, *, is_good: bool) -> None:
    """Settings and the credentials resource use one pattern; Entra appends /Users to the URL."""
    assert is_tenant_path(path) is is_good
    assert settings_take(tenantUrl=f"{SERVER}{path}") is is_good


@pytest.mark.parametrize(
    ("address", "is_good"), [("it@b.example", True), ("a@b", False), ("a@b.c,d@e.f", False), ("a b@c.d", False)]
)
def test_an_email_address_is_one_address(address: str, *, is_good: bool) -> None:
    """Settings and the credentials resource use one pattern."""
    assert is_email(address) is is_good
    assert settings_take(notificationEmail=address) is is_good


def test_ids_are_compared_without_case() -> None:
    """Entra writes an ID in lower case, a person may write it in upper case."""
    assert is_guid(ENTRA)
    assert is_guid(ENTRA.upper())
    assert not is_guid(f"{ENTRA} ")
    assert same_id(ENTRA, ENTRA.upper())
    assert not same_id(ENTRA, None)


def test_two_mappers_of_one_claim_are_found_however_it_is_spelled() -> None:
    """A claim with escaped dots is the same claim; the settings and the mapper set refuse the second mapper."""
    claim = f"{_CUSTOM}Ext:2.0:User:tag"
    mappers = {
        "a": Mapper(user_attribute="x", claim=claim),
        "b": Mapper(user_attribute="y", claim=claim.replace("2.0", "2\\.0")),
    }

    assert list(repeated_claims(mappers)) == [("b", "a")]
    spelled = {
        name: {"userAttribute": mapper.user_attribute, "claim": mapper.claim} for name, mapper in mappers.items()
    }
    assert not settings_take(mappers=spelled)


def test_a_custom_attribute_may_have_every_type_that_entra_knows() -> None:
    """Binary and the exact case were known to the resource only."""
    name = f"{_CUSTOM}Ext:2.0:User:photo"

    assert settings_take(customAttributes=[{"name": name, "type": "Binary", "caseExact": True}])
    with pytest.raises(SettingsError, match=r"customAttributes\[0\]\.typ: unknown key; did you mean 'type'\?"):
        TenantSettings.parse(
            {
                "azuread:tenantId": ENTRA,
                "kzero-scim:kzeroTenant": "Contoso",
                "kzero-scim:scope": "all",
                "kzero-scim:customAttributes": f'[{{"name": "{name}", "typ": "Binary"}}]',
            }
        )


@pytest.mark.parametrize("realm", ["Contoso", "My Tenant", "Zürich", "50% off", "a/b", "a?b#c", "plus+and&"])
def test_all_sides_build_the_same_tenant_url(realm: str) -> None:
    """Settings, client and endpoint quote the realm alike, and the credentials resource accepts the result."""
    server = "https://sso.example/auth"
    settings = TenantSettings.model_construct(
        kzero_server_url=server, kzero_tenant=realm, given_tenant_url=None, scim_compliant_patch=False
    )

    url = tenant_url(server, realm)

    assert url == f"https://sso.example/auth/realms/{quote(realm, safe='')}/scim/v2"
    assert settings.tenant_url == url
    assert KeycloakClient(f"{server}/", Credentials()).tenant_url(realm) == url
    assert is_tenant_path(urlsplit(url).path.removeprefix("/auth"))
    assert token_endpoint(server, realm) == url.replace("/scim/v2", "/protocol/openid-connect/token")


def test_tenant_urls_are_compared_as_endpoints() -> None:
    """Port, case of the host, percent-encoding, a trailing slash and the flag do not make another endpoint."""
    url = tenant_url("https://ca.auth.kzero.com", "My Tenant")

    for same in (
        "https://CA.auth.kzero.com:443/realms/My Tenant/scim/v2",
        f"{url}/",
        f"{url}?aadOptscim062020",
    ):
        assert same_tenant_url(url, same)
    for other in (url.replace("My", "my"), url.replace("ca.", "eu."), url.replace(".com/", ".com:8443/")):
        assert not same_tenant_url(url, other)
