"""Create and delete KZero tenants: realms with the clients, accounts and rules of a new KZero tenant.

Must not know SCIM requests.
"""

import asyncio
import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kzero_sandbox.kzero.admin import KeycloakAdmin, realm_path

SCIM_CLIENT = "scim-endpoint"
AUTOMATION_CLIENT = "kzero-scim"
ADMINISTRATOR = "tenant-admin"
_ITERATIONS = 1_000

# The minimum for the automation: read and write the mappers, look up a user, and write the realm, because the sandbox
# stores the endpoint's settings in realm attributes. view-events shows who changed something.
AUTOMATION_ROLES = (
    "manage-clients", "manage-realm", "query-users", "view-clients", "view-events", "view-realm", "view-users",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TenantCredentials:
    """The realm of a new tenant and the secrets generated for it.

    The automation signs in to the realm with `client_id` and `client_secret`. `scim_client_secret` belongs to the
    client `scim-endpoint` (profile Generic). The administrator is a user for the Advanced Console.
    """

    realm: str
    client_id: str
    client_secret: str = field(repr=False)
    scim_client_id: str
    scim_client_secret: str = field(repr=False)
    admin_username: str
    admin_password: str = field(repr=False)

    @classmethod
    def generate(cls, realm: str) -> "TenantCredentials":
        """Return generated credentials for a tenant."""
        return cls(
            realm=realm,
            client_id=AUTOMATION_CLIENT,
            client_secret=secrets.token_urlsafe(32),
            scim_client_id=SCIM_CLIENT,
            scim_client_secret=secrets.token_urlsafe(32),
            admin_username=ADMINISTRATOR,
            admin_password=secrets.token_urlsafe(24),
        )


async def tenant_exists(admin: KeycloakAdmin, name: str) -> bool:
    """Return whether a realm with exactly this name exists."""
    realms = await admin.get("", briefRepresentation="true")
    return any(realm["realm"] == name for realm in realms)


async def create_tenant(admin: KeycloakAdmin, credentials: TenantCredentials, *, keeps_unmanaged: bool = True) -> None:
    """Import the realm of a new tenant; its SCIM endpoint is off and its `scim-endpoint` client has no mappers.

    Args:
        admin: Keycloak's admin API.
        credentials: The realm's name, and its secrets.
        keeps_unmanaged: Whether the realm keeps user attributes that its user profile does not declare. Stock Keycloak
            drops them since version 24.

    Raises:
        KeycloakRefusedError: 409, if the realm exists.
    """
    # In a thread, because generating the realm's key is slow, and so that several realms can be created at once.
    await admin.request("POST", "", json=await asyncio.to_thread(_realm, credentials, keeps_unmanaged))
    admin.forget_token()


async def delete_tenant(admin: KeycloakAdmin, name: str) -> None:
    """Delete a tenant's realm with all its content.

    Raises:
        KeycloakRefusedError: 404, if the realm does not exist.
    """
    await admin.request("DELETE", realm_path(name))


def _realm(credentials: TenantCredentials, keeps_unmanaged: bool) -> dict[str, Any]:  # noqa: FBT001 - called in a thread
    return {
        "realm": credentials.realm,
        "displayName": f"{credentials.realm} (sandbox)",
        "enabled": True,
        "sslRequired": "external",
        "loginWithEmailAllowed": True,
        # Entra can change a user's name (userName) with PATCH.
        "editUsernameAllowed": True,
        # Record who changed what, without the values.
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": False,
        "clients": [
            _service_client(
                credentials.scim_client_id, credentials.scim_client_secret, "Receives SCIM provisioning requests"
            ),
            _service_client(credentials.client_id, credentials.client_secret, "Automation of SCIM provisioning"),
        ],
        "users": [
            _service_account(credentials.scim_client_id, []),
            _service_account(credentials.client_id, list(AUTOMATION_ROLES)),
            {
                "username": credentials.admin_username,
                "enabled": True,
                "email": f"{credentials.admin_username}@sandbox.invalid",
                "emailVerified": True,
                "firstName": "Tenant",
                "lastName": "Administrator",
                "credentials": [_password(credentials.admin_password)],
                "clientRoles": {"realm-management": ["realm-admin"]},
            },
        ],
        "components": {
            "org.keycloak.keys.KeyProvider": _keys(),
            "org.keycloak.userprofile.UserProfileProvider": [
                {
                    "providerId": "declarative-user-profile",
                    "config": {"kc.user.profile.config": [json.dumps(_user_profile(keeps_unmanaged=keeps_unmanaged))]},
                }
            ],
        },
    }


def _password(value: str) -> dict[str, Any]:
    """Return a password in Keycloak's storage format.

    Keycloak itself hashes passwords slowly on purpose, which takes about an eighth of the time to create a realm. A
    random password does not need that, and Keycloak hashes it again when the user signs in.
    """
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha256", value.encode(), salt, _ITERATIONS)
    kept = {"value": base64.b64encode(digest).decode(), "salt": base64.b64encode(salt).decode()}
    how = {"hashIterations": _ITERATIONS, "algorithm": "pbkdf2-sha256"}
    return {
        "type": "password",
        "secretData": json.dumps(kept | {"additionalParameters": {}}),
        "credentialData": json.dumps(how | {"additionalParameters": {}}),
    }


def _keys() -> list[dict[str, Any]]:
    """Return the realm's keys: one signing key generated here, and no encryption key.

    Keycloak itself would generate two RSA keys per realm, which takes seconds until it has warmed up. No client here
    uses encrypted tokens.
    """
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return [
        {
            "name": "rsa",
            "providerId": "rsa",
            "config": {"privateKey": [pem], "algorithm": ["RS256"], "priority": ["100"]},
        },
        {
            "name": "hmac-generated",
            "providerId": "hmac-generated",
            "config": {"algorithm": ["HS512"], "priority": ["100"]},
        },
        {"name": "aes-generated", "providerId": "aes-generated", "config": {"priority": ["100"]}},
    ]


def _service_client(client_id: str, secret: str, description: str) -> dict[str, Any]:
    return {
        "clientId": client_id,
        "description": description,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": True,
        "protocolMappers": [],
    }


def _service_account(client_id: str, roles: list[str]) -> dict[str, Any]:
    account: dict[str, Any] = {
        "username": f"service-account-{client_id}",
        "enabled": True,
        "serviceAccountClientId": client_id,
    }
    return account | ({"clientRoles": {"realm-management": roles}} if roles else {})


def _user_profile(*, keeps_unmanaged: bool) -> dict[str, Any]:
    """Return the realm's user profile: only the user name is required."""
    everyone = {"view": ["admin", "user"], "edit": ["admin", "user"]}
    return {
        "attributes": [
            {
                "name": "username",
                "displayName": "${username}",
                "validations": {"length": {"min": 3, "max": 255}, "up-username-not-idn-homograph": {}},
                "permissions": everyone,
            },
            {
                "name": "email",
                "displayName": "${email}",
                "validations": {"email": {}, "length": {"max": 255}},
                "permissions": everyone,
            },
            {
                "name": "firstName",
                "displayName": "${firstName}",
                "validations": {"length": {"max": 255}},
                "permissions": everyone,
            },
            {
                "name": "lastName",
                "displayName": "${lastName}",
                "validations": {"length": {"max": 255}},
                "permissions": everyone,
            },
        ],
        **({"unmanagedAttributePolicy": "ENABLED"} if keeps_unmanaged else {}),
    }
