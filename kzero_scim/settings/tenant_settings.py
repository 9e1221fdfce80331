"""One tenant's settings: read from the stack's configuration, checked at once, before anything is asked of a service.

Knows the configuration's keys and nothing of resources.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import pulumi
from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError, model_validator

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.origin import origin
from kzero_scim.redaction import Redactor
from kzero_scim.settings.items import CustomAttributeSetting, MapperSetting, RowSetting, SettingModel
from kzero_scim.settings.name_file import read_names
from kzero_scim.settings.text_rules import shown, text_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

NAMESPACE: Final = "kzero-scim"
GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REALM: Final = re.compile(r"[^/?#\s%\\]+")
ORIGIN: Final = re.compile(r"https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
TENANT_PATH: Final = re.compile(r"/realms/[^/\s\\]+/scim/v2")

TAG: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,62}$")

_REMEDIES: Final[dict[str, str]] = {
    "kzeroTenant": "copy the tenant's name exactly as the KZero dashboard shows it; upper and lower case count",
    "kzeroServerUrl": "give the origin alone, as in https://ca.auth.kzero.com",
    "azuread:tenantId": "copy the Tenant ID from the overview page of the Entra admin center, a GUID",
    "tenantUrl": "give https://<host>/realms/<tenant>/scim/v2, without user, query or fragment",
    "users": "list user principal names or object ids",
    "groups": "list unique display names or object ids",
    "notificationEmail": "give one e-mail address",
    "deletionThreshold": "give a whole number of at least 1, or 0 to leave Entra's own setting",
    "unassignMaxUsers": "give a number of users, 0 for none without a confirmation",
    "unassignMaxShare": "give a share in percent, 0 to 100",
    "activationTimeout": "give a number of seconds up to 86400, 0 not to wait",
    "tags": "give each 1 to 63 letters, digits, hyphens, underscores, full stops, colons or slashes",
    "applicationName": "give 1 to 120 characters",
    "remoteTokenEndpoint": "give an https address; the client's secret is sent there",
    "remoteTokenRenewBefore": "give a number of seconds of at least 60",
}


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
"""A name in Entra's directory, which keeps 256 characters at most."""
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]


class TenantSettings(SettingModel):
    """Everything that differs from tenant to tenant. Keys are the fields' names in camelCase."""

    entra_tenant_id: str = Field(alias="azuread:tenantId", pattern=rf"^{GUID.pattern}$")

    kzero_tenant: str = Field(pattern=rf"^{REALM.pattern}$", max_length=255)
    kzero_server_url: str = Field(default="https://ca.auth.kzero.com", pattern=rf"^{ORIGIN.pattern}$")
    given_tenant_url: OptionalText = Field(
        default=None, alias="tenantUrl", pattern=rf"^{ORIGIN.pattern}{TENANT_PATH.pattern}$", max_length=1024
    )
    allow_foreign_tenant_url: bool = False
    kzero_client_id: OptionalText = None
    kzero_client_secret: OptionalSecret = None
    kzero_username: OptionalText = None
    kzero_password: OptionalSecret = None

    profile: Literal["Azure", "Generic"] = "Azure"
    activation: Literal["console", "attributes"] = "console"
    activation_preset: Annotated[Literal["sandbox", "keycloak"] | None, BeforeValidator(_none_if_empty)] = None
    activation_holder: Annotated[Literal["realm", "client"] | None, BeforeValidator(_none_if_empty)] = None
    activation_attributes: dict[str, str] = Field(default_factory=dict)
    activation_timeout: int = Field(default=0, ge=0, le=24 * 3600)
    remote_token_client_id: OptionalText = None
    remote_token_client_secret: OptionalSecret = None
    remote_token_endpoint: Annotated[str | None, BeforeValidator(_none_if_empty)] = Field(
        default=None, pattern=r"^https://[^/?#\s@]+/[^?#\s]+$"
    )
    remote_token_method: Literal["bearer", "oauth2"] = "bearer"  # noqa: S105 - a choice
    remote_token_renew_before: int = Field(default=604_800, ge=60)
    remote_token_lifespan: Annotated[int | None, BeforeValidator(lambda value: value or None)] = Field(
        default=None, ge=1
    )
    scim_attributes: dict[str, str] = Field(default_factory=dict)
    mappers: dict[str, MapperSetting] = Field(default_factory=dict)
    mappers_exclusive: bool = False
    mappers_escape_dots: bool = False

    application_name: str = Field(default="KZero Passwordless SCIM", min_length=1, max_length=120)
    users: list[Name] = Field(default_factory=list)
    """Those of ``usersFile`` included."""
    users_file: OptionalText = None
    groups: list[Name] = Field(default_factory=list)
    app_role: Name = "User"
    assignments_exclusive: bool = False
    unassign_max_users: int = Field(default=25, ge=0, le=2**31 - 1)
    unassign_max_share: int = Field(default=20, ge=0, le=100)
    scope: Literal["assigned", "all"] = "assigned"
    secret_token: OptionalSecret = None
    scim_compliant_patch: bool = False
    job_template: Literal["scim", "customappsso"] = "scim"
    notification_email: Annotated[str | None, BeforeValidator(_none_if_empty)] = Field(
        default=None, pattern=r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$", max_length=254
    )
    deletion_threshold: Annotated[int | None, BeforeValidator(lambda value: value or None)] = Field(
        default=25, ge=1, le=2**31 - 1
    )
    attribute_mappings: list[RowSetting] = Field(default_factory=list)
    attribute_mappings_exclusive: bool = False
    custom_attributes: list[CustomAttributeSetting] = Field(default_factory=list)
    provision_groups: bool = True
    provisioning: bool = True
    test_user: OptionalText = None
    verify_test_user: Literal["attributes", "user", "off"] = "attributes"
    lockout_guard: Literal["off", "warn", "require"] = "warn"
    on_destroy: Literal["keep", "disable"] = "keep"
    protect: bool = False
    adopted: bool = False
    tags: list[Annotated[str, Field(pattern=TAG.pattern)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problems = [*self._repeated(), *self._addresses(), *self._contradictions()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _repeated(self) -> list[str]:
        problems: list[str] = []
        for key, values in (
            ("users", self.users),
            ("groups", self.groups),
            ("attributeMappings", [row.target for row in self.attribute_mappings]),
            ("customAttributes", [attribute.name for attribute in self.custom_attributes]),
        ):
            seen: set[str] = set()
            for value in values:
                if value.casefold() in seen:
                    problems.append(f"{key}: {value!r} is listed twice; remove one")
                seen.add(value.casefold())
        claims: dict[str, str] = {}
        for name, mapper in self.mappers.items():
            other = claims.setdefault(mapper.claim, name)
            if other != name:
                problems.append(f"mappers.{name}: claim {mapper.claim!r} is {other!r}'s already; remove one of the two")
        return problems

    def _addresses(self) -> list[str]:
        problems: list[str] = []
        if self.kzero_tenant in {".", ".."}:
            problems.append(f"kzeroTenant: {self.kzero_tenant!r} is not valid; {_REMEDIES['kzeroTenant']}")
        for key, url in (("kzeroServerUrl", self.kzero_server_url), ("tenantUrl", self.given_tenant_url)):
            if url and origin(url) is None:
                problems.append(f"{key}: {url!r} is not valid; its port must be a number from 1 to 65535")
        if self.given_tenant_url and not self.allow_foreign_tenant_url:
            home = self.kzero_server_url
            if origin(self.given_tenant_url) != origin(home):
                problems.append(
                    f"tenantUrl: {self.given_tenant_url!r} is at another server than kzeroServerUrl, {home!r}; Entra "
                    "sends its token and all users there: correct it, or set allowForeignTenantUrl to true"
                )
        return problems

    def _contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.kzero_client_secret and not self.kzero_client_id:
            problems.append("kzeroClientId: not set beside kzeroClientSecret; name the client the secret belongs to")
        if self.kzero_password and not self.kzero_username:
            problems.append("kzeroUsername: not set beside kzeroPassword; name the administrator")
        problems += self._remote_token_contradictions()
        problems += self._native_contradictions()
        if self.activation == "attributes" and not (self.activation_preset or self.activation_attributes):
            problems.append(
                "activationPreset: not set while activation is 'attributes'; "
                "choose sandbox or keycloak, or name the attributes in activationAttributes"
            )
        if self.attribute_mappings and not any(row.matching_priority for row in self.attribute_mappings):
            problems.append("attributeMappings: no row has a matchingPriority; give the row of userName 1")
        if self.on_destroy == "disable" and self.scope == "all":
            problems.append(
                "onDestroy: 'disable' would disable the users of the whole directory while scope is 'all'; use keep, "
                "or scope assigned"
            )
        if self.on_destroy == "disable" and self.adopted:
            problems.append("onDestroy: 'disable' does nothing while adopted is true; use keep, or adopted false")
        if self.on_destroy == "disable" and self.user_name_source is None:
            problems.append(
                "onDestroy: 'disable' finds users by their names in KZero, and no row maps an attribute to userName; "
                "give that row of attributeMappings a source, or use keep"
            )
        if self.scope == "assigned" and not (self.users or self.groups):
            problems.append("users: nobody is listed in users or groups while scope is 'assigned'; list somebody")
        return problems

    def _remote_token_contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.remote_token_client_secret and not self.remote_token_client_id:
            problems.append(
                "remoteTokenClientId: not set beside remoteTokenClientSecret; name the client the secret belongs to"
            )
        if self.remote_token_client_id and self.profile != "Generic":
            problems.append(
                "remoteTokenClientId: belongs to the profile Generic; set profile to Generic, or remove the client"
            )
        if self.remote_token_client_id and self.secret_token:
            problems.append("secretToken: stands beside remoteTokenClientId, which obtains the token; remove one")
        return problems

    def _native_contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.is_native:
            if self.profile != "Generic":
                problems.append(
                    "profile: must be Generic with activationPreset keycloak; Keycloak's own SCIM API takes tokens of "
                    "the realm only"
                )
            if self.mappers:
                problems.append(
                    "mappers: do not matter to Keycloak's own SCIM API; remove them, and use scimAttributes "
                    "(user attribute to SCIM attribute)"
                )
            return problems
        for key, value in (
            ("scimAttributes", self.scim_attributes),
            ("remoteTokenLifespan", self.remote_token_lifespan),
        ):
            if value:
                problems.append(
                    f"{key}: is for Keycloak's own SCIM API; set activationPreset to keycloak, or remove it"
                )
        return problems

    @property
    def is_native(self) -> bool:
        """Whether the endpoint is Keycloak's own SCIM API."""
        return self.activation == "attributes" and self.activation_preset == "keycloak"

    @property
    def user_name_source(self) -> str | None:
        """The attribute of Entra's users that becomes their user name in KZero; None if it is computed."""
        if not self.attribute_mappings:
            return "userPrincipalName"
        return next((row.source for row in self.attribute_mappings if row.target == "userName"), None)

    @property
    def tenant_url_flag(self) -> str:
        """What the Tenant URL ends with if Entra is to send PATCH as SCIM has it."""
        return "?aadOptscim062020" if self.scim_compliant_patch else ""

    @property
    def tenant_url(self) -> str:
        """The Tenant URL as Entra is given it, with the compatibility flag if it is wanted."""
        url = self.given_tenant_url or f"{self.kzero_server_url}/realms/{self.kzero_tenant}/scim/v2"
        return f"{url}{self.tenant_url_flag}"

    @classmethod
    def from_config(cls) -> TenantSettings:
        """Read the running program's configuration.

        Raises:
            SettingsError: Anything is wrong with it; the message has a line for each problem.
        """
        values = configuration()
        secrets = {*pulumi.runtime.config.get_config_secret_keys_env()}
        secrets |= {key for key in values if pulumi.runtime.is_config_secret(key)}
        return cls.parse(values, secrets)

    @classmethod
    def parse(cls, values: Mapping[str, str], secret_keys: set[str] | frozenset[str] = frozenset()) -> TenantSettings:
        """Check a configuration as the engine hands it over.

        Args:
            values: Full key (``kzero-scim:users``) to text; lists, objects, numbers and booleans as JSON.
            secret_keys: The full keys whose values are encrypted in the stack's file.

        Raises:
            SettingsError: A line for each problem, each with the key, the value and the remedy.
        """
        settings, problems = cls.examine(values, secret_keys)
        if settings is None:
            raise SettingsError(join_problems("the stack's settings", problems, "nothing was changed"))
        return settings

    @classmethod
    def examine(
        cls, values: Mapping[str, str], secret_keys: set[str] | frozenset[str] = frozenset()
    ) -> tuple[TenantSettings | None, list[str]]:
        """Check a configuration as :meth:`parse` does, and give the problems instead of raising.

        Returns:
            The settings, None if there is any problem; and a line for each problem.
        """
        own = {
            key.removeprefix(f"{NAMESPACE}:"): text for key, text in values.items() if key.startswith(f"{NAMESPACE}:")
        }
        if "azuread:tenantId" in values:
            own["azuread:tenantId"] = values["azuread:tenantId"]
        problems = _clear_text_secrets(own, secret_keys)
        hidden = SECRET_KEYS | {key.removeprefix(f"{NAMESPACE}:") for key in secret_keys}
        decoded, unread = _with_listed_users({key: _decode(key, text) for key, text in own.items()})
        problems += unread
        refused = [problem for key, value in decoded.items() for problem in text_problems(key, value, hidden)]
        problems += refused
        settings: TenantSettings | None = None
        try:
            # A text that was refused already would only be refused in other words.
            settings = None if refused else cls.model_validate(decoded, by_name=False)
        except ValidationError as error:
            problems += [_explain(dict(details), hidden) for details in error.errors(include_url=False)]
        if not problems:
            return settings, []
        redactor = Redactor()
        redactor.learn([value for key in hidden for value in (own.get(key), decoded.get(key))])
        return None, [plain(redactor.redact(line)) for problem in problems for line in problem.split("\n")]


_FIELDS: Final = {field.alias or name: (name, field) for name, field in TenantSettings.model_fields.items()}
SECRET_KEYS: Final = frozenset(key for key, (_, field) in _FIELDS.items() if "SecretStr" in str(field.annotation))
"""Settings that stand in a stack's file encrypted or not at all."""
_TEXT: Final = frozenset(
    key for key, (_, field) in _FIELDS.items() if field.annotation in (str, str | None) or key in SECRET_KEYS
)


def join_problems(what: str, problems: Sequence[str], outcome: str) -> str:
    """Tell several problems at once, each in a line of its own."""
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{what} have {count}; {outcome}:", *(f"  {line}" for line in problems)])


def configuration() -> dict[str, str]:
    """Give the running program's whole configuration, full key to text."""
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def setting_keys() -> list[str]:
    """Name every setting's key, in the order of the model (``azuread:tenantId`` is azuread's own)."""
    return list(_FIELDS)


def _decode(key: str, text: object) -> object:
    """Turn the engine's text into what the model expects; what is no JSON stays text and fails there."""
    if not isinstance(text, str) or key in _TEXT:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the latter for bottomless nesting
        return text
    return value if isinstance(value, list | dict | bool | int) else text


def _with_listed_users(decoded: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """Add the users of ``usersFile`` to those of ``users``; a relative path begins at the project's folder.

    Returns:
        The settings, and what is wrong with the file.
    """
    users, name = decoded.get("users") or [], decoded.get("usersFile")
    if not name or not isinstance(name, str) or not isinstance(users, list):
        return decoded, []
    try:
        listed = read_names(Path(name))
    except ValueError as error:
        remedy = "give the path, from the project's folder, of a text file with one user a line"
        return decoded, [f"usersFile: {shown(name)} cannot be read, {error}; {remedy}"]
    return {**decoded, "users": [*users, *listed]}, []


def _clear_text_secrets(own: Mapping[str, str], secret_keys: set[str] | frozenset[str]) -> list[str]:
    return [
        f"{key}: stands in clear text in the stack's file; "
        f"change the secret, then run `pulumi config set --secret {NAMESPACE}:{key}`"
        for key in own
        if key in SECRET_KEYS and own[key] and f"{NAMESPACE}:{key}" not in secret_keys
    ]


def _explain(details: dict[str, Any], hidden: Collection[str]) -> str:
    """Word one of pydantic's errors for the operator."""
    location = [str(part) for part in details["loc"]]
    key = location[0] if location else ""
    path = "".join(f"[{part}]" if part.isdigit() else f".{plain(part)[:100]}" for part in location).removeprefix(".")
    if details["type"] == "value_error":
        reason = str(details["ctx"]["error"])
        return f"{path}: {reason}" if path else reason
    if details["type"] == "extra_forbidden":
        known = _FIELDS if len(location) == 1 else _nested_keys(key)
        near = get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it, or see Pulumi.yaml for the keys there are"
        return f"{path}: unknown key; {hint}"
    value = "(hidden)" if key in hidden else shown(details["input"])
    if details["type"] == "string_too_long":
        longest = details["ctx"]["max_length"]
        return f"{path}: {value} has {len(details['input'])} characters, more than {longest}; shorten it"
    if details["type"] == "missing" or (details["input"] == "" and key in ("kzeroTenant", "azuread:tenantId")):
        return f"{path}: not set; {_REMEDIES.get(key, 'add it')}"
    remedy = _REMEDIES.get(key) or _requirement(details)
    return f"{path}: {value} is not valid; {remedy}"


def _requirement(details: dict[str, Any]) -> str:
    if details["type"] == "literal_error":
        return f"use {details['ctx']['expected']}"
    return str(details["msg"][0]).lower() + str(details["msg"][1:])


def _nested_keys(key: str) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "mappers": MapperSetting,
        "attributeMappings": RowSetting,
        "customAttributes": CustomAttributeSetting,
    }
    model = models.get(key)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []
