"""Keycloak's admin API for a KZero tenant, on python-keycloak: realms, clients, mappers, users. Knows no resource."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from keycloak import KeycloakAdmin, urls_patterns
from keycloak.exceptions import HTTP_CREATED, HTTP_NO_CONTENT, KeycloakPostError, raise_error_from_response

from kzero_scim.clients import timeouts
from kzero_scim.clients.keycloak.session import Credentials, Session, ask, names_no_realm, unreachable
from kzero_scim.clients.retries import RetryingClient, RetryPolicy
from kzero_scim.clients.trail import note
from kzero_scim.errors import NO_REALM, KeycloakError, SettingsError
from kzero_scim.guide import values
from kzero_scim.keycloak.server_version import refusal
from kzero_scim.resource.formats import tenant_url
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown

if TYPE_CHECKING:
    from kzero_scim.settings.provider_config import Config

ResultT = TypeVar("ResultT")
Representation = dict[str, Any]
"""A JSON object as Keycloak's admin REST API documents it."""

MANAGEMENT: Final = "realm-management"
"""The client that holds the roles of the admin API."""
TIMEOUT: Final = 30
"""Seconds."""
_USERS: Final = 2
"""Rows to request for one user name: the user, and one more, which shows that the filter has no effect."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class KeycloakClient:
    """The admin API of one KZero server. Signs in to the tenant's realm when an operation first needs it.

    Each failure is a :class:`~kzero_scim.errors.KeycloakError`, whose message names the operation, its object and the
    remedy. Its ``code`` is :data:`~kzero_scim.errors.NO_REALM` if the realm does not exist.

    Args:
        server_url: The server's origin, with a path (``/auth``) only if Keycloak is served under one.
        credentials: The account to sign in with.
        transport: Sends the requests, in place of the network.
        policy: How often and how long to retry.
    """

    def __init__(
        self,
        server_url: str,
        credentials: Credentials,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        """Check the address. Open no connection yet.

        Raises:
            SettingsError: The address is not valid.
        """
        self.server_url = _checked(server_url)
        self.credentials = credentials
        self._http = RetryingClient(policy=policy, timeout=timeouts.seconds(TIMEOUT), transport=transport)
        self._admins: dict[str, KeycloakAdmin] = {}
        self._checks: dict[str, asyncio.Task[str | None]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._version: asyncio.Task[str | None] | None = None

    @classmethod
    def from_config(cls, config: Config, *, transport: httpx.AsyncBaseTransport | None = None) -> KeycloakClient:
        """Return the client for the provider's configuration.

        Args:
            config: The configuration.
            transport: Sends the requests, in place of its own connections.

        Raises:
            SettingsError: The server's address is missing or not valid. Credentials are checked by the first operation.
        """
        if not config.server_url:
            message = (
                "kzeroServerUrl is not configured; set it (or KZERO_SERVER_URL) to the origin of the KZero server, "
                f"for KZero's cloud {values.CLOUD}"
            )
            raise SettingsError(message)
        credentials = Credentials(
            realm=config.realm,
            client_id=config.kzero_client_id,
            client_secret=config.kzero_client_secret,
            username=config.kzero_username,
            password=config.kzero_password,
        )
        return cls(config.server_url, credentials, transport=transport)

    def tenant_url(self, realm: str) -> str:
        """Return the SCIM base URL of a tenant, which Entra calls Tenant URL."""
        return tenant_url(self.server_url, realm)

    async def check_realm(self, realm: str) -> None:
        """Check that a realm of exactly this name exists. Needs no credentials and sends one request per process.

        Raises:
            KeycloakError: It does not exist. The message names a realm whose name differs only in case.
        """
        if await self._realm_name(realm) == realm:
            return
        candidates = [name for name in _spellings(realm, self.credentials.realm) if name != realm]
        found = await asyncio.gather(self._realm_name(realm), *(self._realm_name(name) for name in candidates))
        near = next((name for name in found if name is not None and name != realm), None)
        hint = (
            f'did you mean "{near}"? Names are case-sensitive'
            if near
            else ("copy the tenant's name exactly as the KZero dashboard shows it; names are case-sensitive")
        )
        message = f'realm "{realm}" does not exist at {self.server_url}; {hint}'
        raise KeycloakError(message, status=httpx.codes.NOT_FOUND, code=NO_REALM)

    async def check_server(self, realm: str) -> None:
        """Check that the server's version is supported, once per process.

        Keycloak shows its version only to some accounts. A version that cannot be read is unknown, and not refused.

        Raises:
            KeycloakError: The version is not supported.
        """
        version = await self.version(realm)
        if version is not None and (reason := refusal(self.server_url, version)):
            raise KeycloakError(reason)

    async def version(self, realm: str) -> str | None:
        """Return the server's version, or None if the account may not see it. Asks once per process."""
        if self._version is None:
            self._version = asyncio.create_task(self._read_version(realm))
        return await asyncio.shield(self._version)

    async def _read_version(self, realm: str) -> str | None:
        async def request(admin: KeycloakAdmin) -> object:
            response = await admin.connection.a_raw_get(urls_patterns.URL_ADMIN_SERVER_INFO)
            return raise_error_from_response(response, KeycloakPostError)

        try:
            found = await self.ask(realm, f"reading the version of {self.server_url}", "view-realm", request)
        except KeycloakError:
            return None
        about = found.get("systemInfo") if isinstance(found, dict) else None
        version = about.get("version") if isinstance(about, dict) else None
        return version if isinstance(version, str) else None

    async def client(self, realm: str, client_id: str) -> Reading[Representation]:
        """Return a client with its ``protocolMappers``, with one request if it exists.

        Keycloak also returns no client to an account that may only query clients. So the client is absent only if the
        account sees clients: its token names such a role, or KZero shows it a client that every realm has.
        """
        for row in await self._clients(realm, client_id):
            if row.get("clientId") == client_id:
                return Present(row)
        granted = self._granted(realm)
        if granted is None and await self._clients(realm, f"{realm}-realm" if realm == "master" else MANAGEMENT):
            return Absent()
        return self._absent_or_hidden(
            realm,
            ("view-clients", "manage-clients"),
            f'cannot see client "{client_id}" of realm "{realm}"; give the account the role view-clients (and '
            "manage-clients, to change it) of client realm-management",
        )

    async def _clients(self, realm: str, client_id: str) -> list[Representation]:
        """Return the clients of a name that KZero shows."""
        path = urls_patterns.URL_ADMIN_CLIENTS.format(**{"realm-name": quote(realm, safe="")})

        async def request(admin: KeycloakAdmin) -> list[Representation]:
            response = await admin.connection.a_raw_get(path, clientId=client_id)
            return [_client(row) for row in _rows(raise_error_from_response(response, KeycloakPostError))]

        return await self.ask(realm, f'reading client "{client_id}" of realm "{realm}"', "view-clients", request)

    async def granted_roles(self, realm: str) -> frozenset[str] | None:
        """Sign in and return the account's admin roles in the realm, None if its token does not name them.

        A lightweight token of Keycloak 26 names no roles, which says nothing about the account's rights.

        Raises:
            KeycloakError: The sign-in failed.
        """
        doing = f'signing in to realm "{realm}"'
        session = self._admin(realm, doing).connection
        if not isinstance(session, Session):
            message = f"{doing} failed: no account is configured; set KZERO_CLIENT_ID and KZERO_CLIENT_SECRET"
            raise KeycloakError(message)
        await ask(self.server_url, doing, "", session.a__refresh_if_required, self.credentials.principal)
        return session.granted_roles(realm)

    def _granted(self, realm: str) -> frozenset[str] | None:
        """Return the roles that the token names. A lightweight token of Keycloak 26 names none: unknown."""
        admin = self._admins.get(realm)
        return admin.connection.granted_roles(realm) if admin and isinstance(admin.connection, Session) else None

    def _absent_or_hidden(self, realm: str, roles: Sequence[str], hidden: str) -> Absent | Unknown:
        """Return what an empty list means. Keycloak filters lists without an error: a role with view rights decides."""
        granted = self._granted(realm)
        if granted is not None and granted & {*roles, "realm-admin"}:
            return Absent()
        cause = "" if granted is not None else "; the account's token does not name its roles"
        return Unknown(f"{hidden}{cause}")

    async def add_mappers(self, realm: str, client_uuid: str, mappers: Sequence[Representation]) -> None:
        """Add protocol mappers to a client: all or none, in one request."""
        base = {"realm-name": quote(realm, safe=""), "id": client_uuid}
        path = f"{urls_patterns.URL_ADMIN_CLIENT.format(**base)}/protocol-mappers/add-models"

        async def request(admin: KeycloakAdmin) -> object:
            response = await admin.connection.a_raw_post(path, data=json.dumps(list(mappers)))
            return raise_error_from_response(response, KeycloakPostError, [HTTP_CREATED, HTTP_NO_CONTENT])

        names = ", ".join(str(mapper["name"]) for mapper in mappers)
        await self.change(realm, f'adding the mappers {names} in realm "{realm}"', "manage-clients", request)

    async def update_mapper(self, realm: str, client_uuid: str, mapper: Representation) -> None:
        """Replace one protocol mapper, identified by its ``id``."""

        async def request(admin: KeycloakAdmin) -> object:
            return await admin.a_update_client_mapper(client_uuid, mapper["id"], mapper)

        await self.change(realm, f'updating mapper "{mapper["name"]}" in realm "{realm}"', "manage-clients", request)

    async def delete_mapper(self, realm: str, client_uuid: str, mapper: Representation) -> None:
        """Delete one protocol mapper. A mapper that does not exist is not an error."""

        async def request(admin: KeycloakAdmin) -> object:
            return await admin.a_remove_client_mapper(client_uuid, mapper["id"])

        doing = f'deleting mapper "{mapper["name"]}" in realm "{realm}"'
        try:
            await self.change(realm, doing, "manage-clients", request)
        except KeycloakError as error:
            if not error.is_missing:
                raise

    async def realm_attributes(self, realm: str) -> dict[str, str]:
        """Return a realm's attributes.

        Raises:
            KeycloakError: Also if Keycloak shows the account only a reduced realm without attributes.
        """
        return dict((await self._whole_realm(realm))["attributes"] or {})

    async def set_realm_attributes(self, realm: str, changes: Mapping[str, str | None]) -> None:
        """Set attributes of a realm, or remove those that are None. All other attributes and fields stay.

        Keycloak replaces the map of attributes by the one sent, and some versions also reset fields that are not sent.
        So this reads the realm, changes it, and sends all of it.
        """
        async with self.writing(realm, "realm"):
            before = await self._whole_realm(realm)
            attributes: dict[str, str] = before["attributes"] or {}
            merged = {**attributes, **{name: value for name, value in changes.items() if value is not None}}
            for name in (name for name, value in changes.items() if value is None):
                merged.pop(name, None)
            if merged == attributes:
                return
            # A field that Keycloak also keeps as an attribute (scimApiEnabled) would override the attribute.
            fields = {name: changes[name] == "true" for name in changes if isinstance(before.get(name), bool)}
            after = {**before, **fields, "attributes": merged}

            async def request(admin: KeycloakAdmin) -> object:
                return await admin.a_update_realm(quote(realm, safe=""), after)

            doing = f'setting the attributes {", ".join(changes)} of realm "{realm}"'
            await self.change(realm, doing, "manage-realm", request)

    async def set_client_attributes(self, realm: str, client_uuid: str, changes: Mapping[str, str | None]) -> None:
        """Set attributes of a client, or remove those that are None. All other attributes and fields stay.

        Keycloak takes a field that is not sent as off in some cases: without ``authorizationServicesEnabled``, it
        deletes the client's resources and policies. So this reads the client, changes it, and sends all of it.
        """
        async with self.writing(realm, client_uuid):
            doing = f'setting the attributes {", ".join(changes)} of a client in realm "{realm}"'

            async def read(admin: KeycloakAdmin) -> Representation:
                return _client(await admin.a_get_client(client_uuid))

            before = await self.ask(realm, doing, "view-clients", read)
            attributes: dict[str, str] = before.get("attributes") or {}
            if all(attributes.get(name) == value for name, value in changes.items()):
                return
            # An empty value removes an attribute. Keycloak keeps an attribute that is not sent.
            after = {**before, "attributes": {**attributes, **{name: value or "" for name, value in changes.items()}}}

            async def request(admin: KeycloakAdmin) -> object:
                return await admin.a_update_client(client_uuid, after)

            await self.change(realm, doing, "manage-clients", request)

    @asynccontextmanager
    async def writing(self, realm: str, key: str) -> AsyncIterator[None]:
        """Hold the lock of one object while it is read, changed and written, against other resources of this process.

        Keycloak has no conditional writes. A change by another program between the read and the write, which follow
        each other directly, is lost.

        Args:
            realm: The realm.
            key: The object's ID, or its kind if the realm has only one.
        """
        async with self._locks.setdefault((realm, key), asyncio.Lock()):
            yield

    async def find_user(self, realm: str, username: str) -> Reading[Representation]:
        """Return the user with exactly this name, in any case, with all attributes.

        Keycloak ignores an empty filter, and a proxy may drop the query. So the rows are compared with the name. The
        user is absent only if the account sees users: its token names such a role, or KZero shows it any user.

        Raises:
            KeycloakError: The name is empty, or the request failed.
        """
        doing = f'looking up user "{username}" in realm "{realm}"'
        if not username.strip():
            message = f"{doing} failed: the user name is empty; map userName to an attribute that every user has"
            raise KeycloakError(message)

        async def request(admin: KeycloakAdmin) -> list[Representation]:
            return _rows(await admin.a_get_users({**query, "first": 0, "max": _USERS}))

        query = {"username": username, "exact": "true", "briefRepresentation": "false"}
        rows = await self.ask(realm, doing, "view-users", request)
        # Keycloak stores user names in lower case.
        found = [row for row in rows if str(row.get("username") or "").lower() == username.lower()]
        if len(found) > 1 or (not found and len(rows) >= _USERS):
            what = "several users of that name" if found else "other users, so the filter has no effect"
            return Unknown(
                f"{doing} failed: {self.server_url} answered with {what}; check the realm's user federation and any "
                "proxy in between"
            )
        if found:
            return Present(found[0])
        if self._granted(realm) is None:
            query = {"briefRepresentation": "true"}
            if await self.ask(realm, doing, "view-users", request):
                return Absent()
        return self._absent_or_hidden(
            realm,
            ("view-users", "manage-users"),
            f"{doing} failed: KZero shows no users to an account without the role view-users of client "
            "realm-management; assign the role",
        )

    async def look_at(self, realm: str, path: str, *, doing: str, role: str, **query: str | int | list[str]) -> Any:  # noqa: ANN401 - JSON
        """GET a path of a realm's admin API for which this class has no other method.

        Args:
            realm: The realm.
            path: Below the realm, percent-encoded, with a slash: ``/admin-events``.
            doing: The operation and its object, for messages.
            role: The realm-management role that it requires.
            query: The query.
        """
        whole = f"{urls_patterns.URL_ADMIN_REALM.format(**{'realm-name': quote(realm, safe='')})}{path}"

        async def request(admin: KeycloakAdmin) -> Any:  # noqa: ANN401
            return raise_error_from_response(await admin.connection.a_raw_get(whole, **query), KeycloakPostError)

        return await self.ask(realm, doing, role, request)

    def caller(self, realm: str) -> str | None:
        """Return the user ID of the signed-in account. For a client, it is the ID of its service account."""
        admin = self._admins.get(realm)
        return admin.connection.subject() if admin and isinstance(admin.connection, Session) else None

    async def aclose(self) -> None:
        """Close all connections."""
        for task in (*self._checks.values(), *((self._version,) if self._version else ())):
            task.cancel()
        await self._http.aclose()

    async def _whole_realm(self, realm: str) -> Representation:
        async def request(admin: KeycloakAdmin) -> Representation:
            found = await admin.a_get_realm(quote(realm, safe=""))
            if not isinstance(found, dict) or not _is_table(found.get("attributes") or {}):
                message = "a realm was expected"
                raise TypeError(message)
            return found

        doing = f'reading the attributes of realm "{realm}"'
        found = await self.ask(realm, doing, "view-realm", request)
        if "attributes" not in found:
            message = (
                f"{doing} failed: KZero shows {self.credentials.principal} only a reduced realm; assign it the role "
                "view-realm of client realm-management (manage-realm to change attributes)"
            )
            raise KeycloakError(message, status=httpx.codes.FORBIDDEN)
        return found

    async def ask(
        self, realm: str, doing: str, role: str, request: Callable[[KeycloakAdmin], Awaitable[ResultT]]
    ) -> ResultT:
        """Sign in, run one operation of the admin API, and explain its failure in one line.

        Args:
            realm: The realm.
            doing: The operation and its object, for messages.
            role: The realm-management role that it requires.
            request: The operation.

        Raises:
            KeycloakError: It failed.
        """
        admin = self._admin(realm, doing)
        try:
            return await ask(self.server_url, doing, role, lambda: request(admin), self.credentials.principal)
        except KeycloakError as error:
            if error.code == NO_REALM:
                await self.check_realm(self.credentials.realm or realm)
                await self.check_realm(realm)
            raise

    async def change(
        self, realm: str, doing: str, role: str, request: Callable[[KeycloakAdmin], Awaitable[ResultT]]
    ) -> ResultT:
        """Run one operation that writes, as :meth:`ask` does, if the server's version is supported.

        Raises:
            KeycloakError: The operation failed, or the version is not supported.
        """
        await self.check_server(realm)
        return await self.ask(realm, doing, role, request)

    def _admin(self, realm: str, doing: str) -> KeycloakAdmin:
        """Return python-keycloak's client for a realm. Quotes names, because python-keycloak does not quote URLs."""
        if realm not in self._admins:
            if not self.credentials.complete:
                message = (
                    f"{doing} failed: no account for KZero is configured; set kzeroClientId and kzeroClientSecret "
                    "(KZERO_CLIENT_ID, KZERO_CLIENT_SECRET), or kzeroUsername and kzeroPassword (KZERO_USERNAME, "
                    "KZERO_PASSWORD)"
                )
                raise SettingsError(message)
            session = Session(
                server_url=self.server_url,
                realm=quote(realm, safe=""),
                login_realm=quote(self.credentials.realm or realm, safe=""),
                credentials=self.credentials,
                http=self._http,
                timeout=TIMEOUT,
            )
            self._admins[realm] = KeycloakAdmin(connection=session)
        return self._admins[realm]

    async def _realm_name(self, realm: str) -> str | None:
        """Return the exact name of a realm, or None if it does not exist. Callers share and reuse the answer."""
        task = self._checks.get(realm)
        if task is None:
            task = self._checks[realm] = asyncio.create_task(self._public_realm(realm))
        try:
            name = await asyncio.shield(task)
        except KeycloakError:
            self._checks.pop(realm, None)
            raise
        if name is None:
            self._checks.pop(realm, None)
        return name

    async def _public_realm(self, realm: str) -> str | None:
        doing = f'looking up realm "{realm}"'
        note(doing)
        try:
            response = await self._http.get(f"{self.server_url}/realms/{quote(realm, safe='')}")
            # A proxy without a server behind it also answers 404, but not in Keycloak's words.
            if response.status_code == httpx.codes.NOT_FOUND and names_no_realm(response.content):
                return None
            response.raise_for_status()
            return _text(response.json()["realm"])
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            message = f"{doing} failed: {self.server_url} answered {status}; check kzeroServerUrl (KZERO_SERVER_URL)"
            raise KeycloakError(message, status=status) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise KeycloakError(unreachable(self.server_url, doing, error)) from error
        except (ValueError, KeyError, TypeError) as error:
            message = f"{doing} failed: {self.server_url} is not a Keycloak; check kzeroServerUrl (KZERO_SERVER_URL)"
            raise KeycloakError(message) from error


def _checked(server_url: str) -> str:
    """Return the server's address, checked and trimmed."""
    url = server_url.strip().rstrip("/")
    parts = urlsplit(url)
    wrong = None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        wrong = "is not an https address"
    elif parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        wrong = "would send credentials unencrypted; use https"
    elif parts.username or parts.query or parts.fragment or "/realms" in parts.path or "/admin" in parts.path:
        wrong = "must be the server's origin alone, without tenant, user or query"
    if wrong:
        shown = url if not parts.username else f"{parts.scheme}://{parts.hostname}"
        message = f'kzeroServerUrl "{shown}" {wrong}, for example {values.CLOUD} (KZERO_SERVER_URL)'
        raise SettingsError(message)
    return url


def _spellings(realm: str, configured: str | None) -> list[str]:
    """Return names that differ from a realm's only in case or surrounding blanks, the likeliest first."""
    bare = realm.strip()
    words = re.split(r"([-_. ])", bare)
    variants = [
        *([configured] if configured and configured.casefold() == bare.casefold() else []),
        bare,
        bare[:1].upper() + bare[1:],
        bare.capitalize(),
        "".join(word[:1].upper() + word[1:] for word in words),
        "".join(word.capitalize() for word in words),
        bare.lower(),
        bare.upper(),
        bare[:1].lower() + bare[1:],
        bare.swapcase(),
    ]
    return list(dict.fromkeys(variants))


def _rows(answer: object) -> list[Representation]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        message = "a list of objects was expected"
        raise TypeError(message)
    return answer


def _text(value: object) -> str:
    if not isinstance(value, str):
        message = "a text was expected"
        raise TypeError(message)
    return value


def _client(row: Representation) -> Representation:
    """Return a client after checking the fields that this project reads.

    Raises:
        TypeError: A field has the wrong type.
    """
    attributes, mappers = row.get("attributes") or {}, _rows(row.get("protocolMappers") or [])
    texts = [row.get("id"), row.get("clientId")]
    texts += [mapper.get(key) for mapper in mappers for key in ("id", "name", "protocol", "protocolMapper")]
    tables = [attributes, *((mapper.get("config") or {}) for mapper in mappers)]
    if not all(isinstance(text, str) for text in texts) or not all(_is_table(table) for table in tables):
        message = "a client was expected"
        raise TypeError(message)
    return row


def _is_table(value: object) -> bool:
    """Return whether a value is an object with text values, as Keycloak's attributes and settings are."""
    return isinstance(value, dict) and all(isinstance(text, str | None) for text in value.values())
