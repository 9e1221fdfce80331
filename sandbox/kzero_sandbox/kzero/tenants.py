"""Make and remove KZero tenants: a realm with the clients, accounts and rules that a KZero tenant has at first."""

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

# The least that the automation needs: read and write the mapper set, look a user up, and, because the sandbox keeps the
# endpoint's settings in realm attributes, write the realm; view-events tells who changed something.
AUTOMATION_ROLES = (
    "manage-clients", "manage-realm", "query-users", "view-clients", "view-events", "view-realm", "view-users",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TenantCredentials:
    """What a new tenant's owner is told: the realm, and secrets made for it.

    The automation signs in with `client_id` and `client_secret` in the realm itself; `scim_client_secret` belongs to
    the client `scim-endpoint` (profile Generic); the administrator is a person for the Advanced Console.
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
        """Make the secrets of a tenant."""
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
    """Return whether there is a realm of exactly that name."""
    realms = await admin.get("", briefRepresentation="true")
    return any(realm["realm"] == name for realm in realms)


async def create_tenant(admin: KeycloakAdmin, credentials: TenantCredentials) -> None:
    """Import the realm of a new tenant; its SCIM endpoint is off and its `scim-endpoint` client has no mappers.

    Raises:
        KeycloakRefusedError: 409 when there is such a realm.
    """
    # In a thread, since making its key takes a while, and so that several realms can be made at once.
    await admin.request("POST", "", json=await asyncio.to_thread(_realm, credentials))
    admin.forget_token()


async def delete_tenant(admin: KeycloakAdmin, name: str) -> None:
    """Remove a tenant's realm with all that is in it.

    Raises:
        KeycloakRefusedError: 404 when there is no such realm.
    """
    await admin.request("DELETE", realm_path(name))


def _realm(credentials: TenantCredentials) -> dict[str, Any]:
    return {
        "realm": credentials.realm,
        "displayName": f"{credentials.realm} (sandbox)",
        "enabled": True,
        "sslRequired": "external",
        "loginWithEmailAllowed": True,
        # Entra may rename a user (userName) with PATCH.
        "editUsernameAllowed": True,
        # Who changed what, without the values.
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
                    "config": {"kc.user.profile.config": [json.dumps(_user_profile())]},
                }
            ],
        },
    }


def _password(value: str) -> dict[str, Any]:
    """Return a password as Keycloak keeps it.

    Left to itself Keycloak hashes it slowly on purpose, about an eighth of the time that a realm takes; a random
    password gains nothing by that, and it is hashed anew when somebody signs in.
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
    """Return the realm's keys: one signing key made here, and no encryption key.

    Left to itself Keycloak makes two RSA keys a realm, which takes it seconds before it is warm; no client here uses
    encrypted tokens.
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


def _user_profile() -> dict[str, Any]:
    """Return the realm's user profile: any attribute is stored, none but the user name is required."""
    everybody = {"view": ["admin", "user"], "edit": ["admin", "user"]}
    return {
        "attributes": [
            {
                "name": "username",
                "displayName": "${username}",
                "validations": {"length": {"min": 3, "max": 255}, "up-username-not-idn-homograph": {}},
                "permissions": everybody,
            },
            {
                "name": "email",
                "displayName": "${email}",
                "validations": {"email": {}, "length": {"max": 255}},
                "permissions": everybody,
            },
            {
                "name": "firstName",
                "displayName": "${firstName}",
                "validations": {"length": {"max": 255}},
                "permissions": everybody,
            },
            {
                "name": "lastName",
                "displayName": "${lastName}",
                "validations": {"length": {"max": 255}},
                "permissions": everybody,
            },
        ],
        "unmanagedAttributePolicy": "ENABLED",
    }
