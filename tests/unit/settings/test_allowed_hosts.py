"""Where a secret that the stack file does not hold may go: every address setting with every source of secrets."""

from __future__ import annotations

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.allowed_hosts import VARIABLE, HostRule, in_environment, read_allowed

EVIL = "https://evil.example"
CLIENT = {"ARM_CLIENT_ID": "c"}
METADATA = {"azuread:metadataHost": "evil.example"}
SERVER = {"kzero-scim:kzeroServerUrl": EVIL}
TOKEN = {"kzero-scim:profile": "Generic", "kzero-scim:remoteTokenEndpoint": f"{EVIL}/token"}


def rule(stack: dict[str, str], environment: dict[str, str], *allowed: str) -> HostRule:
    """Make the rule of a tenant."""
    return HostRule(stack=stack, environment=environment, allowed=read_allowed(allowed, "here"))


@pytest.mark.parametrize(
    ("stack", "environment", "setting", "secret"),
    [
        (METADATA, CLIENT | {"ARM_CLIENT_SECRET": "s"}, "azuread:metadataHost", "ARM_CLIENT_SECRET"),
        (
            METADATA,
            CLIENT | {"ARM_CLIENT_SECRET_FILE_PATH": "f"},
            "azuread:metadataHost",
            "ARM_CLIENT_SECRET_FILE_PATH",
        ),
        (METADATA, CLIENT | {"ARM_CLIENT_CERTIFICATE": "c"}, "azuread:metadataHost", "ARM_CLIENT_CERTIFICATE"),
        (
            METADATA,
            CLIENT | {"ARM_CLIENT_CERTIFICATE_PATH": "c"},
            "azuread:metadataHost",
            "ARM_CLIENT_CERTIFICATE_PATH",
        ),
        (METADATA, CLIENT | {"ARM_USE_OIDC": "1", "ARM_OIDC_TOKEN": "t"}, "azuread:metadataHost", "ARM_OIDC_TOKEN"),
        (
            METADATA | {"azuread:useOidc": "true"},
            CLIENT | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"},
            "azuread:metadataHost",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        ),
        (
            METADATA | {"azuread:useOidc": "true"},
            CLIENT | {"SYSTEM_ACCESSTOKEN": "t"},
            "azuread:metadataHost",
            "SYSTEM_ACCESSTOKEN",
        ),
        (METADATA, {"ARM_USE_MSI": "true"}, "azuread:metadataHost", "a token of the machine's managed identity"),
        (METADATA | {"azuread:useMsi": "true"}, {}, "azuread:metadataHost", "the machine's managed identity"),
        (METADATA, {}, "azuread:metadataHost", "a token of the Azure CLI"),
        (METADATA | {"azuread:clientSecret": " "}, CLIENT, "azuread:metadataHost", "a token of the Azure CLI"),
        (METADATA | {"azuread:clientSecret": "own"}, {}, "azuread:metadataHost", "a token of the Azure CLI"),
        (
            METADATA | {"azuread:clientSecret": "own"},
            CLIENT | {"ARM_CLIENT_CERTIFICATE": "c"},
            "azuread:metadataHost",
            "ARM_CLIENT_CERTIFICATE",
        ),
        (
            METADATA | {"azuread:useAksWorkloadIdentity": "true"},
            {},
            "azuread:metadataHost",
            "the token of the machine's workload identity",
        ),
        *(
            (METADATA | {f"azuread:{key}": "stacks/x"}, {}, "azuread:metadataHost", f"the file of azuread:{key}")
            for key in ("clientCertificatePath", "clientIdFilePath", "clientSecretFilePath", "oidcTokenFilePath")
        ),
        *(
            ({"azuread:oidcRequestUrl": f"{EVIL}/token?x=1"}, {name: "t"}, "azuread:oidcRequestUrl", name)
            for name in ("ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN")
        ),
        (SERVER, {"KZERO_CLIENT_SECRET": "s"}, "kzeroServerUrl", "KZERO_CLIENT_SECRET"),
        (SERVER, {"KZERO_PASSWORD": "p"}, "kzeroServerUrl", "KZERO_PASSWORD"),
        (
            SERVER | {"kzero-scim:kzeroPassword": "own", "kzero-scim:kzeroUsername": "u"},
            {"KZERO_CLIENT_SECRET": "s"},
            "kzeroServerUrl",
            "KZERO_CLIENT_SECRET",
        ),
        (
            SERVER | {"kzero-scim:profile": "Generic"},
            {"KZERO_REMOTE_TOKEN_CLIENT_SECRET": "s"},
            "kzeroServerUrl",
            "KZERO_REMOTE_TOKEN_CLIENT_SECRET",
        ),
        (
            TOKEN,
            {"KZERO_REMOTE_TOKEN_CLIENT_SECRET": "s"},
            "remoteTokenEndpoint",
            "KZERO_REMOTE_TOKEN_CLIENT_SECRET",
        ),
        (
            {"kzero-scim:tenantUrl": f"{EVIL}/realms/x/scim/v2", "kzero-scim:allowForeignTenantUrl": "true"},
            {},
            "tenantUrl",
            "Entra's token and all users",
        ),
    ],
)
def test_a_host_that_only_the_stack_file_names_gets_no_secret_of_the_environment(
    stack: dict[str, str], environment: dict[str, str], setting: str, secret: str
) -> None:
    """One sentence with the setting, the host, what it would receive, and how to allow it; then it is allowed."""
    with pytest.raises(SettingsError) as caught:
        rule(stack, environment).require()

    refusal = str(caught.value)
    assert refusal.startswith(f"{setting}: {EVIL} would receive ")
    assert secret in refusal
    assert f"run `export {VARIABLE}={EVIL}` or list it under allowedHosts in fleet.yaml" in refusal
    assert "\n" not in refusal
    rule(stack, environment, EVIL).require()


def test_another_address_of_the_managed_identity_is_refused_even_if_its_host_is_allowed() -> None:
    """kzero-scim does not read the setting, so allowing the host would not help."""
    with pytest.raises(
        SettingsError, match=r"azuread:msiEndpoint is set, but .*; remove azuread:msiEndpoint"
    ) as caught:
        rule({"azuread:msiEndpoint": f"{EVIL}/msi"}, {"ARM_USE_MSI": "true"}, EVIL).require()

    assert "KZERO_SCIM_ALLOWED_HOSTS" not in str(caught.value)


@pytest.mark.parametrize(
    ("stack", "environment"),
    [
        (METADATA | {"azuread:clientSecret": "own"}, CLIENT | {"ARM_CLIENT_SECRET": "of another tenant"}),
        (METADATA | {"azuread:clientCertificate": "own"}, CLIENT | {"ARM_CLIENT_SECRET": "of another tenant"}),
        (METADATA | {"azuread:oidcToken": "own", "azuread:useOidc": "true"}, CLIENT | {"SYSTEM_ACCESSTOKEN": "t"}),
        (METADATA, {"ARM_METADATA_HOSTNAME": "EVIL.example:443"}),
        (METADATA, {"ARM_USE_CLI": "false"}),
        ({"azuread:oidcRequestUrl": EVIL, "azuread:oidcRequestToken": "own"}, {"SYSTEM_ACCESSTOKEN": "t"}),
        *(
            ({"azuread:oidcRequestUrl": f"{EVIL}/own"}, {name: f"{EVIL}/of?the=job", "SYSTEM_ACCESSTOKEN": "t"})
            for name in ("ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI")
        ),
        (SERVER | {"kzero-scim:kzeroClientSecret": "own"}, {"KZERO_CLIENT_SECRET": "of another tenant"}),
        (SERVER, {"KZERO_CLIENT_SECRET": "s", "KZERO_SERVER_URL": EVIL}),
        (SERVER, {"KZERO_REMOTE_TOKEN_CLIENT_SECRET": "of the profile Generic"}),
        (TOKEN | {"kzero-scim:remoteTokenClientSecret": "own"}, {"KZERO_REMOTE_TOKEN_CLIENT_SECRET": "s"}),
        (SERVER | {"kzero-scim:tenantUrl": f"{EVIL}/realms/x/scim/v2"}, {}),
        ({"kzero-scim:kzeroServerUrl": "https://ca.auth.kzero.com"}, {"KZERO_CLIENT_SECRET": "s"}),
        ({"azuread:environment": "china"}, CLIENT | {"ARM_CLIENT_SECRET": "s"}),
        ({}, CLIENT | {"ARM_CLIENT_SECRET": "s", "KZERO_CLIENT_SECRET": "s"}),
    ],
)
def test_secrets_of_the_stack_file_built_in_hosts_and_hosts_of_the_environment_pass(
    stack: dict[str, str], environment: dict[str, str]
) -> None:
    rule(stack, environment).require()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example/ca.auth.kzero.com",
        "ca.auth.kzero.com@evil.example",
        "evil.example\\@ca.auth.kzero.com",
        "evil.example#.ca.auth.kzero.com",
        "evil.example?.ca.auth.kzero.com",
        "ca.auth.kzero.com\n.evil.example",
        "ca.auth.kzero.com:443:1",
        "ca.auth.kzero.com:99999",
        "ca.auth.kzero.com:8443",
        "ca.auth.kzero.com.",
        "ca.auth.kzero.com.evil.example",
        "ca.auth.kzerо.com",  # noqa: RUF001 - a Cyrillic letter
        "xca.auth.kzero.com",
    ],
)
@pytest.mark.parametrize("setting", ["azuread:metadataHost", "kzero-scim:kzeroServerUrl"])
def test_no_spelling_passes_for_another_host(setting: str, host: str) -> None:
    environment = CLIENT | {"ARM_CLIENT_SECRET": "s", "KZERO_CLIENT_SECRET": "s"}
    value = host if setting == "azuread:metadataHost" else f"https://{host}"

    with pytest.raises(SettingsError, match="only the stack file names that host"):
        rule({setting: value}, environment, "https://ca.auth.kzero.com").require()


def test_clear_http_is_another_server() -> None:
    with pytest.raises(SettingsError, match="kzeroServerUrl"):
        rule(
            {"kzero-scim:kzeroServerUrl": "http://sso.example"}, {"KZERO_PASSWORD": "p"}, "https://sso.example"
        ).require()


def test_a_metadata_document_does_not_widen_what_is_allowed() -> None:
    """Its login and Graph must be Microsoft's, its own host's, or allowed; a secret of the stack may go anywhere."""
    environment = CLIENT | {"ARM_CLIENT_SECRET": "s", "ARM_METADATA_HOSTNAME": "azure.example:8443"}
    asked = rule({}, environment)

    asked.require_cloud("azure.example:8443", ("https://azure.example:8443", "https://graph.microsoft.com"))
    with pytest.raises(SettingsError) as caught:
        asked.require_cloud("azure.example:8443", ("https://login.microsoftonline.com", EVIL))
    assert str(caught.value).startswith(
        f"metadata host azure.example:8443: {EVIL} would receive ARM_CLIENT_SECRET, and only its document names"
    )
    rule({}, environment, EVIL).require_cloud("azure.example:8443", (EVIL,))
    rule({"azuread:clientSecret": "own"}, environment).require_cloud("azure.example:8443", (EVIL,))


def test_a_token_endpoint_is_held_to_the_same_rule() -> None:
    asked = rule({}, {"KZERO_REMOTE_TOKEN_CLIENT_SECRET": "s"})

    asked.require_token_endpoint("https://ca.auth.kzero.com/realms/x/protocol/openid-connect/token")
    with pytest.raises(SettingsError, match=f"remoteTokenEndpoint: {EVIL} would receive"):
        asked.require_token_endpoint(f"{EVIL}/token")


def test_one_line_allows_everything_that_is_refused() -> None:
    """With what is allowed already, which it must not take away."""
    environment = CLIENT | {"ARM_CLIENT_SECRET": "s", "KZERO_CLIENT_SECRET": "s"}
    stack = {"azuread:metadataHost": "azure.example", "kzero-scim:kzeroServerUrl": "https://sso.example:8443"}

    with pytest.raises(SettingsError) as caught:
        rule(stack, environment).require()
    assert str(caught.value).count(f'export {VARIABLE}="https://azure.example https://sso.example:8443"') == 2
    with pytest.raises(SettingsError, match=rf'export {VARIABLE}="\${VARIABLE} https://sso\.example:8443"'):
        rule(stack, environment | {VARIABLE: "https://azure.example"}, "https://azure.example").require()


def test_azuread_has_no_further_settings() -> None:
    """One could name the address that the engine takes the plugin from."""
    with pytest.raises(SettingsError, match="azuread:pluginDownloadURL: the azuread provider has no such setting"):
        rule({"azuread:pluginDownloadURL": EVIL}, {}).require()


def test_the_variable_lists_origins() -> None:
    listed = in_environment({VARIABLE: " https://A.example:443/, https://b.example:8443\nhttp://127.0.0.1:80 "})

    assert listed == {"https://a.example", "https://b.example:8443", "http://127.0.0.1"}
    assert in_environment({}) == in_environment({VARIABLE: " , "}) == frozenset()
    for wrong in ("sso.example", "https://sso.example/path", "https://*.example", "https://user@sso.example"):
        with pytest.raises(SettingsError, match=VARIABLE):
            in_environment({VARIABLE: wrong})
