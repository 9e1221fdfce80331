"""Defines all settings of one tenant, and checks them together before the program contacts a service.

Pulumi.yaml, docs/settings.md and docs/stack-settings.schema.json are generated from this module, and
``kzero-scim tenant add`` and ``adopt`` read it. Knows the configuration's keys and no resources.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import pulumi
from pydantic import Field, SecretStr, StringConstraints, ValidationError, model_validator

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.guide import values as guide
from kzero_scim.origin import origin
from kzero_scim.redaction import Redactor
from kzero_scim.resource.formats import COMPLIANCE_FLAG, EMAIL, GUID, TENANT_PATH, fold_id, tenant_url
from kzero_scim.settings.confirmations import UNASSIGN_MAX_SHARE, UNASSIGN_MAX_USERS
from kzero_scim.settings.items import CustomAttributeSetting, Mapper, RowSetting, SettingModel, repeated_claims
from kzero_scim.settings.name_file import read_users
from kzero_scim.settings.problems import explain, join_problems
from kzero_scim.settings.setting import Group, OrEmpty, OrZero, about, setting
from kzero_scim.settings.text_rules import LONGEST_NAME, shown, text_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE: Final = "kzero-scim"
_REALM: Final = r"[^/?#\s%\\]+"
_ORIGIN: Final = r"https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
_MOST: Final = 2**31 - 1

Name = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=LONGEST_NAME)]
"""A name in Entra's directory, kept exactly as it is written."""
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,62}$")]


class TenantSettings(SettingModel):
    """The settings of one tenant. Keys are the fields' names in camelCase."""

    entra_tenant_id: str = setting(
        Group.CONNECTION,
        "Entra tenant ID, a GUID that the Overview page of the Entra admin center shows.",
        alias="azuread:tenantId",
        pattern=rf"^{GUID}$",
        remedy="copy the Tenant ID (a GUID) from the Overview page of the Entra admin center",
        example="5a4d0b0c-0000-4000-8000-00000000e401",
    )
    kzero_tenant: str = setting(
        Group.CONNECTION,
        "Name of the KZero tenant (realm), exactly as the KZero dashboard shows it. Case matters.",
        pattern=rf"^{_REALM}$",
        max_length=255,
        remedy="copy the tenant's name exactly as the KZero dashboard shows it; case matters",
        example="Fabrikam",
    )
    kzero_server_url: str = setting(
        Group.CONNECTION,
        "Origin of the KZero server, without a path. To send credentials of the environment to your own server, allow "
        "it in KZERO_SCIM_ALLOWED_HOSTS or fleet.yaml.",
        default=guide.CLOUD,
        pattern=rf"^{_ORIGIN}$",
        remedy=f"give only the origin, such as {guide.CLOUD}",
    )
    given_tenant_url: OrEmpty[str] = setting(
        Group.CONNECTION,
        "Tenant URL that Entra sends users to. By default, the program derives it from kzeroServerUrl and kzeroTenant.",
        default=None,
        alias="tenantUrl",
        pattern=rf"^{_ORIGIN}{TENANT_PATH}$",
        max_length=1024,
        remedy="give https://<host>/realms/<tenant>/scim/v2, without user, query or fragment",
    )
    allow_foreign_tenant_url: bool = setting(
        Group.CONNECTION,
        "Allows tenantUrl to be on another server than kzeroServerUrl. Entra sends its token and all users there. "
        "KZERO_SCIM_ALLOWED_HOSTS or fleet.yaml must allow that server too.",
        default=False,
    )
    kzero_client_id: OrEmpty[str] = setting(
        Group.CONNECTION,
        "Service-account client in the tenant's realm for Keycloak's admin API. By default, the program reads "
        "KZERO_CLIENT_ID.",
        default=None,
        example="automation",
    )
    kzero_client_secret: OrEmpty[SecretStr] = setting(
        Group.CONNECTION, "Secret of kzeroClientId. By default, the program reads KZERO_CLIENT_SECRET.", default=None
    )
    kzero_username: OrEmpty[str] = setting(
        Group.CONNECTION,
        "Administrator in the tenant's realm, instead of a client. By default, the program reads KZERO_USERNAME.",
        default=None,
    )
    kzero_password: OrEmpty[SecretStr] = setting(
        Group.CONNECTION, "Password of kzeroUsername. By default, the program reads KZERO_PASSWORD.", default=None
    )

    profile: Literal["Azure", "Generic"] = setting(
        Group.ENDPOINT,
        "Profile of the SCIM endpoint: Azure accepts tokens of the Entra tenant, Generic accepts tokens of the realm.",
        default="Azure",
    )
    activation: Literal["console", "attributes"] = setting(
        Group.ENDPOINT,
        "How the endpoint's settings reach KZero. console: a person enters them in the KZero dashboard, and the "
        "program checks them. attributes: the program writes them as attributes; use this only for your own Keycloak, "
        "never for KZero's cloud.",
        default="console",
    )
    activation_preset: OrEmpty[Literal["sandbox", "keycloak"]] = setting(
        Group.ENDPOINT,
        "Attribute names for activation attributes. sandbox: those of the sandbox. keycloak: Keycloak's own SCIM API.",
        default=None,
    )
    activation_holder: OrEmpty[Literal["realm", "client"]] = setting(
        Group.ENDPOINT,
        "Where the program writes the attributes: on the realm (default) or on the client scim-endpoint.",
        default=None,
    )
    activation_attributes: dict[str, str] = setting(
        Group.ENDPOINT,
        "Attribute name for each setting (enabled, profile, azureTenantId). Overrides activationPreset.",
        default={},
        example={"enabled": "scim.enabled"},
    )
    activation_timeout: int = setting(
        Group.ENDPOINT,
        "Seconds that `pulumi up` waits for a person to enable the endpoint (activation console). 0 does not wait.",
        default=0,
        ge=0,
        le=24 * 3600,
        remedy="give a number of seconds from 0 (do not wait) to 86400",
        example=600,
    )
    remote_token_client_id: OrEmpty[str] = setting(
        Group.ENDPOINT,
        "For profile Generic: client in the tenant's realm whose tokens Entra sends (KZero's \"Use Remote Token "
        'Authentication"). By default, the program reads KZERO_REMOTE_TOKEN_CLIENT_ID.',
        default=None,
        example="scim-endpoint",
    )
    remote_token_client_secret: OrEmpty[SecretStr] = setting(
        Group.ENDPOINT,
        "Secret of remoteTokenClientId. By default, the program reads KZERO_REMOTE_TOKEN_CLIENT_SECRET.",
        default=None,
    )
    remote_token_endpoint: OrEmpty[str] = setting(
        Group.ENDPOINT,
        "Token endpoint that issues these tokens. By default, the realm's token endpoint. To send it a secret of the "
        "environment, allow its server in KZERO_SCIM_ALLOWED_HOSTS or fleet.yaml.",
        default=None,
        pattern=r"^https://[^/?#\s@]+/[^?#\s]+$",
        remedy="give an https address, because the client's secret is sent there",
    )
    remote_token_method: Literal["bearer", "oauth2"] = setting(
        Group.ENDPOINT,
        "bearer: the program obtains a token and gives it to Entra. oauth2 (experimental): Entra receives the client's "
        "ID and secret, and obtains tokens itself.",
        default="bearer",
    )
    remote_token_renew_before: int = setting(
        Group.ENDPOINT,
        "Remaining lifetime in seconds at which `pulumi up` replaces a bearer token; at most half of its lifetime.",
        default=604_800,
        ge=60,
        remedy="give a number of seconds of at least 60",
    )
    remote_token_lifespan: OrZero[int] = setting(
        Group.ENDPOINT,
        "Lifetime in seconds that the program sets for the client's tokens (activationPreset keycloak). The realm's "
        "SSO Session Max limits it. 0 leaves it unchanged.",
        default=None,
        ge=1,
        example=2_592_000,
    )
    scim_attributes: dict[str, str] = setting(
        Group.ENDPOINT,
        "Additional attributes that Keycloak's own SCIM API keeps (activationPreset keycloak): the SCIM attribute for "
        "each user attribute. Requires the role manage-realm.",
        default={},
        example={"externalId": "externalId"},
    )

    mappers: dict[str, Mapper] = setting(
        Group.MAPPERS,
        "Mappers of the client scim-endpoint by name. By default, the seven mappers of KZero's guide.",
        default={},
        observed=True,
        example={"loginName": {"userAttribute": "userPrincipalName", "claim": "userName"}},
    )
    mappers_exclusive: bool = setting(
        Group.MAPPERS,
        "Also removes mappers of the client scim-endpoint that are not listed.",
        default=False,
        observed=True,
    )
    mappers_escape_dots: bool = setting(
        Group.MAPPERS,
        "Escapes the dots in URN claims, so that Keycloak does not nest the claim of the mapper tag.",
        default=False,
        observed=True,
    )

    application_name: str = setting(
        Group.APPLICATION,
        "Name of the enterprise application in Entra.",
        default=guide.APPLICATION_NAME,
        min_length=1,
        max_length=120,
        remedy="give 1 to 120 characters",
        observed=True,
    )
    users: list[Name] = setting(
        Group.APPLICATION,
        "Users to provision, by user principal name or object ID.",
        default=[],
        remedy="list user principal names or object IDs",
        observed=True,
        example=["alex@fabrikam.example"],
    )
    """Includes the users of ``usersFile``."""
    users_file: OrEmpty[str] = setting(
        Group.APPLICATION,
        "Text file in stacks/ with further users, one per line, for more than about 3,000 users. The path starts at "
        "the project's folder.",
        default=None,
        observed=True,
        example="stacks/fabrikam-users.txt",
    )
    groups: list[Name] = setting(
        Group.APPLICATION,
        "Groups to provision, by unique display name or object ID. Entra provisions their direct members.",
        default=[],
        remedy="list unique display names or object IDs",
        observed=True,
        example=["KZero users"],
    )
    app_role: Name = setting(
        Group.APPLICATION,
        "Display name of the app role that users and groups receive.",
        default="User",
        observed=True,
    )
    assignments_exclusive: bool = setting(
        Group.APPLICATION,
        "Also removes assignments that others made. Otherwise the program keeps and reports them.",
        default=False,
        observed=True,
    )

    scope: Literal["assigned", "all"] = setting(
        Group.JOB,
        "Which users Entra provisions. assigned: assigned users and groups. all: all users of the directory. A change "
        "to all requires `KZERO_SCIM_CONFIRM=scope=all`.",
        default="assigned",
    )
    secret_token: OrEmpty[SecretStr] = setting(
        Group.JOB,
        "Bearer token that Entra sends to the endpoint. By default, Entra sends a token that it issues itself.",
        default=None,
    )
    scim_compliant_patch: bool = setting(
        Group.JOB,
        f"Adds Entra's flag {COMPLIANCE_FLAG} to the Tenant URL. On-demand provisioning does not work with it.",
        default=False,
    )
    job_template: Literal["scim", "customappsso"] = setting(
        Group.JOB,
        "Template of the provisioning job: scim, or customappsso for a job created before December 2018.",
        default="scim",
        observed=True,
    )
    notification_email: OrEmpty[str] = setting(
        Group.JOB,
        "Email address that Entra notifies of failures and quarantine.",
        default=None,
        pattern=rf"^{EMAIL}$",
        max_length=254,
        remedy="give one email address",
        example="it@fabrikam.example",
    )
    provisioning: bool = setting(
        Group.JOB, "Provisioning Status of the job: true is ON, false is OFF.", default=True, observed=True
    )
    test_user: OrEmpty[str] = setting(
        Group.JOB,
        "Assigned user that the program provisions on demand and looks up in KZero (step 5 of the guide).",
        default=None,
        example="test.user@fabrikam.example",
    )
    verify_test_user: Literal["attributes", "user", "off"] = setting(
        Group.JOB,
        "What the program compares in KZero: all attributes, only the user (exists and is enabled), or nothing (off).",
        default="attributes",
    )

    attribute_mappings: list[RowSetting] = setting(
        Group.MAPPINGS,
        "Attribute mappings that the stack manages, each with a target and one of source, expression and constant. "
        "By default, the seven mappings of KZero's guide.",
        default=[],
        observed=True,
        example=[{"target": "userName", "source": "userPrincipalName", "matchingPriority": 1}],
    )
    attribute_mappings_exclusive: bool = setting(
        Group.MAPPINGS, "Also removes attribute mappings that are not listed.", default=False, observed=True
    )
    custom_attributes: list[CustomAttributeSetting] = setting(
        Group.MAPPINGS,
        "Attributes that Entra's default target schema lacks, each with name and type. By default, the guide's tag.",
        default=[],
        observed=True,
        example=[{"name": "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User:costCenter", "type": "String"}],
    )
    provision_groups: bool = setting(Group.MAPPINGS, "Provisions groups as well as users.", default=True, observed=True)

    unassign_max_users: int = setting(
        Group.GUARDS,
        "Number of users who may lose access in one run without a confirmation; 0 allows none. The larger of this "
        "and unassignMaxShare applies.",
        default=UNASSIGN_MAX_USERS,
        ge=0,
        le=_MOST,
        remedy="give a number of users; 0 requires a confirmation for every user",
    )
    unassign_max_share: int = setting(
        Group.GUARDS,
        "Percentage of all users with access who may lose access in one run without a confirmation; 0 allows none. The "
        "larger of this and unassignMaxUsers applies.",
        default=UNASSIGN_MAX_SHARE,
        ge=0,
        le=100,
        remedy="give a percentage from 0 to 100",
    )
    deletion_threshold: OrZero[int] = setting(
        Group.GUARDS,
        "Entra stops and asks if one cycle would delete more users than this. 0 keeps Entra's own setting; if you set "
        "notificationEmail, 0 turns this protection off.",
        default=25,
        ge=1,
        le=_MOST,
        remedy="give a whole number of at least 1, or 0 to keep Entra's own setting",
    )
    lockout_guard: Literal["off", "warn", "require"] = setting(
        Group.GUARDS,
        "What to do if no Global Administrator has an .onmicrosoft.com name: nothing (off), warn, or fail (require).",
        default="warn",
    )

    on_destroy: Literal["keep", "disable"] = setting(
        Group.LIFE_CYCLE,
        "What `pulumi destroy` does with the users in KZero. keep: leaves them unchanged. disable: disables every user "
        "who is assigned at that time. A change takes effect with the next `pulumi up`.",
        default="keep",
    )
    protect: bool = setting(Group.LIFE_CYCLE, "Protects the enterprise application from deletion.", default=False)
    adopted: bool = setting(
        Group.LIFE_CYCLE,
        "The tenant was set up by hand and imported by `kzero-scim adopt`, which writes this setting. `pulumi destroy` "
        "then only removes it from the state and changes neither service. To delete it for good, set this to false and "
        "run `pulumi up` first.",
        default=False,
        observed=True,
    )
    tags: list[Tag] = setting(
        Group.LIFE_CYCLE,
        "Words that `kzero-scim fleet` uses to select tenants, such as canary or a region.",
        default=[],
        remedy="use 1 to 63 letters, digits, hyphens, underscores, full stops, colons or slashes for each tag",
        example=["canary"],
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problems = [*self._repeated(), *self._blank_names(), *self._addresses(), *self._contradictions()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _blank_names(self) -> list[str]:
        return [
            f"{key}: {value!r} has spaces around it; remove them{remedy}"
            for key, values, remedy in (
                ("users", self.users, ""),
                ("groups", self.groups, ", or give the group's object ID"),
                ("appRole", [self.app_role], ""),
            )
            for value in values
            if value != value.strip()
        ]

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
                # Groups whose names differ in case are different groups.
                same = fold_id(value) if key == "groups" else value.casefold()
                if same in seen:
                    problems.append(f"{key}: {value!r} is listed twice; remove one")
                seen.add(same)
        for name, other in repeated_claims(self.mappers):
            claim = self.mappers[name].claim
            problems.append(f"mappers.{name}: claim {claim!r} is in mapper {other!r} already; remove one of the two")
        return problems

    def _addresses(self) -> list[str]:
        problems: list[str] = []
        if self.kzero_tenant in {".", ".."}:
            problems.append(f"kzeroTenant: {self.kzero_tenant!r} is not valid; {about(FIELDS['kzeroTenant']).remedy}")
        for key, url in (("kzeroServerUrl", self.kzero_server_url), ("tenantUrl", self.given_tenant_url)):
            if url and origin(url) is None:
                problems.append(f"{key}: {url!r} is not valid; use a port from 1 to 65535")
        if self.given_tenant_url and not self.allow_foreign_tenant_url:
            home = self.kzero_server_url
            if origin(self.given_tenant_url) != origin(home):
                problems.append(
                    f"tenantUrl: {self.given_tenant_url!r} is on another server than kzeroServerUrl ({home!r}), and "
                    "Entra would send its token and all users there; correct it, or set allowForeignTenantUrl to true"
                )
        return problems

    def _contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.kzero_client_secret and not self.kzero_client_id:
            problems.append("kzeroClientId: not set, but kzeroClientSecret is; give the client of the secret")
        if self.kzero_password and not self.kzero_username:
            problems.append("kzeroUsername: not set, but kzeroPassword is; give the administrator's user name")
        problems += self._remote_token_contradictions()
        problems += self._native_contradictions()
        if self.activation == "attributes" and not (self.activation_preset or self.activation_attributes):
            problems.append(
                "activationPreset: not set, but activation is 'attributes'; "
                "use sandbox or keycloak, or name the attributes in activationAttributes"
            )
        if self.attribute_mappings and not any(row.matching_priority for row in self.attribute_mappings):
            problems.append(
                "attributeMappings: no row has a matchingPriority, so that Entra cannot find existing users; "
                "set it to 1 in the row of userName"
            )
        if self.on_destroy == "disable" and self.scope == "all":
            problems.append(
                "onDestroy: 'disable' would disable all users of the directory, because scope is 'all'; use keep, or "
                "set scope to assigned"
            )
        if self.on_destroy == "disable" and self.adopted:
            problems.append("onDestroy: 'disable' has no effect if adopted is true; use keep, or set adopted to false")
        if self.on_destroy == "disable" and self.user_name_source is None:
            problems.append(
                "onDestroy: 'disable' finds users by their names in KZero, but no row maps an attribute to userName; "
                "give the row of userName in attributeMappings a source, or use keep"
            )
        if self.scope == "assigned" and not (self.users or self.groups):
            problems.append("users: no users and no groups are listed, but scope is 'assigned'; list at least one")
        return problems

    def _remote_token_contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.remote_token_client_secret and not self.remote_token_client_id:
            problems.append(
                "remoteTokenClientId: not set, but remoteTokenClientSecret is; give the client of the secret"
            )
        if self.remote_token_client_id and self.profile != "Generic":
            problems.append(
                "remoteTokenClientId: works only with profile Generic; set profile to Generic, or remove the client"
            )
        if self.remote_token_client_id and self.secret_token:
            problems.append(
                "secretToken: set in addition to remoteTokenClientId, which obtains a token itself; remove one"
            )
        return problems

    def _native_contradictions(self) -> list[str]:
        problems: list[str] = []
        if self.is_native:
            if self.profile != "Generic":
                problems.append(
                    f"profile: {self.profile!r} does not work with activationPreset keycloak, because Keycloak's own "
                    "SCIM API accepts only tokens of the realm; use Generic"
                )
            if self.mappers:
                problems.append(
                    "mappers: have no effect on Keycloak's own SCIM API; remove them, and use scimAttributes "
                    "(user attribute to SCIM attribute)"
                )
            return problems
        for key, value in (
            ("scimAttributes", self.scim_attributes),
            ("remoteTokenLifespan", self.remote_token_lifespan),
        ):
            if value:
                problems.append(
                    f"{key}: works only with Keycloak's own SCIM API; set activationPreset to keycloak, or remove it"
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
        """The end of the Tenant URL that makes Entra send standard SCIM PATCH, or an empty text."""
        return f"?{COMPLIANCE_FLAG}" if self.scim_compliant_patch else ""

    @property
    def tenant_url(self) -> str:
        """The Tenant URL that Entra receives, with the compatibility flag if the settings ask for it."""
        url = self.given_tenant_url or tenant_url(self.kzero_server_url, self.kzero_tenant)
        return f"{url}{self.tenant_url_flag}"

    @classmethod
    def from_config(cls) -> TenantSettings:
        """Read the running program's configuration.

        Raises:
            SettingsError: The configuration has problems; the message has a line for each.
        """
        values = configuration()
        secrets = {*pulumi.runtime.config.get_config_secret_keys_env()}
        secrets |= {key for key in values if pulumi.runtime.is_config_secret(key)}
        return cls.parse(values, secrets)

    @classmethod
    def parse(
        cls,
        values: Mapping[str, str],
        secret_keys: set[str] | frozenset[str] = frozenset(),
        project: Path = Path(),
    ) -> TenantSettings:
        """Check a configuration as the engine passes it, and return the settings.

        Args:
            values: Full key (``kzero-scim:users``) to text; lists, objects, numbers and booleans as JSON.
            secret_keys: The full keys whose values are encrypted in the stack file.
            project: The folder of Pulumi.yaml, where the path of ``usersFile`` begins.

        Raises:
            SettingsError: The configuration has problems; the message has a line for each, with key, value and remedy.
        """
        settings, problems = cls.examine(values, secret_keys, project)
        if settings is None:
            raise SettingsError(join_problems("the stack's settings", problems, "nothing was changed"))
        return settings

    @classmethod
    def examine(
        cls,
        values: Mapping[str, str],
        secret_keys: set[str] | frozenset[str] = frozenset(),
        project: Path = Path(),
    ) -> tuple[TenantSettings | None, list[str]]:
        """Check a configuration as :meth:`parse` does, and return the problems instead of raising.

        Returns:
            The settings, or None if there is a problem; and a line for each problem.
        """
        own = {
            key.removeprefix(f"{NAMESPACE}:"): text for key, text in values.items() if key.startswith(f"{NAMESPACE}:")
        }
        if "azuread:tenantId" in values:
            own["azuread:tenantId"] = values["azuread:tenantId"]
        problems = _clear_text_secrets(own, secret_keys)
        hidden = SECRET_KEYS | {key.removeprefix(f"{NAMESPACE}:") for key in secret_keys}
        decoded, unread = _with_listed_users({key: _decode(key, text) for key, text in own.items()}, project)
        problems += unread
        refused = [problem for key, value in decoded.items() for problem in text_problems(key, value, hidden)]
        problems += refused
        settings: TenantSettings | None = None
        try:
            # The model would only repeat the problems of a text that is refused already.
            settings = None if refused else cls.model_validate(decoded, by_name=False)
        except ValidationError as error:
            problems += [explain(dict(details), FIELDS, hidden) for details in error.errors(include_url=False)]
        if not problems:
            return settings, []
        redactor = Redactor()
        redactor.learn([value for key in hidden for value in (own.get(key), decoded.get(key))])
        return None, [plain(redactor.redact(line)) for problem in problems for line in problem.split("\n")]


FIELDS: Final = {field.alias or name: field for name, field in TenantSettings.model_fields.items()}
"""Every setting by its key; ``azuread:tenantId`` is the azuread provider's own."""
SECRET_KEYS: Final = frozenset(key for key, field in FIELDS.items() if "SecretStr" in str(field.annotation))
"""Settings that a stack file contains only in encrypted form."""
_TEXT: Final = frozenset(
    key for key, field in FIELDS.items() if field.annotation in (str, str | None) or key in SECRET_KEYS
)


def full_key(key: str) -> str:
    """Return a setting's key as a stack file spells it, with its namespace."""
    return key if ":" in key else f"{NAMESPACE}:{key}"


def configuration() -> dict[str, str]:
    """Return the running program's whole configuration, full key to text."""
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _decode(key: str, text: object) -> object:
    """Return the value that the model expects for the engine's text. Text that is not JSON stays text."""
    if not isinstance(text, str) or key in _TEXT:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: nested too deep
        return text
    return value if isinstance(value, list | dict | bool | int) else text


def _with_listed_users(decoded: dict[str, object], project: Path) -> tuple[dict[str, object], list[str]]:
    """Add the users of ``usersFile`` to those of ``users``; its path begins at the project's folder.

    Returns:
        The settings, and the problems of the file.
    """
    users, name = decoded.get("users") or [], decoded.get("usersFile")
    if not name or not isinstance(name, str) or not isinstance(users, list):
        return decoded, []
    try:
        listed = read_users(project, name)
    except ValueError as error:
        remedy = "give the path, from the project's folder, of a text file in stacks/ with one user per line"
        return decoded, [f"usersFile: {shown(name)} cannot be used, {error}; {remedy}"]
    return {**decoded, "users": [*users, *listed]}, []


def _clear_text_secrets(own: Mapping[str, str], secret_keys: set[str] | frozenset[str]) -> list[str]:
    return [
        f"{key}: in clear text in the stack file; "
        f"replace the secret with a new one, then run `pulumi config set --secret {NAMESPACE}:{key}`"
        for key in own
        if key in SECRET_KEYS and own[key] and f"{NAMESPACE}:{key}" not in secret_keys
    ]
