"""The policies' rules: what is wrong with a resource's inputs, in words. Pure; knows nothing of Pulumi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

Inputs = Mapping[str, Any]
"""A resource's inputs, by the names of the schema."""

NOT_PRODUCTION: Final = ("sandbox*", "demo*", "dev*", "*-dev", "test*", "*-test", "staging*", "*-staging")
"""Names of stacks that are no production, unless a team says otherwise."""

LARGEST_THRESHOLD: Final = 500
"""The portal's own suggestion; with more deletions allowed at once there is hardly a threshold."""

_BUILT_IN_CLIENTS: Final = frozenset(
    {"account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"}
)
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "realm": "KZERO_REALM",
    "kzeroClientId": "KZERO_CLIENT_ID",
    "kzeroUsername": "KZERO_USERNAME",
    "clientId": "ARM_CLIENT_ID",
    "useCli": "ARM_USE_CLI",
}
"""Where the provider takes a setting from that it is not given."""


def stack_of(urn: str) -> str:
    """Give the stack's name from a resource's URN."""
    parts = urn.split(":")
    return parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - urn:pulumi:<stack>::...


def is_production(stack: str, tags: Mapping[str, str], not_production: Sequence[str] = NOT_PRODUCTION) -> bool:
    """Tell whether a stack is production.

    Args:
        stack: Its name.
        tags: Its tags, which some backends have; the tag ``environment`` decides if there is one.
        not_production: Patterns of names of stacks that are not, for all others.
    """
    if environment := tags.get("environment"):
        return environment.casefold() in {"prod", "production"}
    return not any(fnmatchcase(stack, pattern) for pattern in not_production)


def whole_directory(inputs: Inputs) -> list[str]:
    """No scope of the whole directory."""
    if inputs.get("scope") != "all":
        return []
    return ["provisions the whole directory: set kzero-scim:scope to assigned and list groups"]


def notification_email(inputs: Inputs) -> list[str]:
    """Somebody is told of failures."""
    if inputs.get("notificationEmail"):
        return []
    return ["tells nobody of failures, held back deletions and a quarantine: set kzero-scim:notificationEmail"]


def deletion_threshold(inputs: Inputs, largest: int = LARGEST_THRESHOLD) -> list[str]:
    """Entra stops before it makes many deletions."""
    threshold = inputs.get("deletionThreshold")
    if not threshold:
        return ["lets Entra make any number of deletions at once: set kzero-scim:deletionThreshold, 25 for instance"]
    if threshold > largest:
        return [f"kzero-scim:deletionThreshold is {int(threshold)}, more than the {largest} that the policy allows"]
    return []


def secret_token(inputs: Inputs, *, production: bool) -> list[str]:
    """In production Entra presents a token of KZero's, not one that it issues itself."""
    if inputs.get("secretToken") or inputs.get("oauth2") or not production:
        return []
    problem = (
        "has no secret token, so that Entra presents one that it issues itself, which Microsoft recommends for testing "
        "only: run `pulumi config set --secret kzero-scim:secretToken`, or tell the policy which stacks are no "
        "production (notProduction)"
    )
    return [problem]


def admin_credentials(inputs: Inputs, environment: Mapping[str, str]) -> list[str]:
    """The accounts of the automation have the roles that it needs, and not those of a person or of an administrator.

    Which permissions and roles an account holds, a policy cannot see; ``kzero-scim doctor`` does.

    Args:
        inputs: The provider's own inputs.
        environment: The environment variables that the provider reads where it is not given a setting.
    """
    given = {key: inputs.get(key) or environment.get(variable) for key, variable in _ENVIRONMENT.items()}
    problems: list[str] = []
    if given["kzeroUsername"]:
        problems.append(
            f'signs in to KZero as user "{given["kzeroUsername"]}", with all that the person may do: use a '
            "service-account client with view-clients, manage-clients and view-users (kzeroClientId)"
        )
    elif str(given["kzeroClientId"] or "") in _BUILT_IN_CLIENTS:
        problems.append(
            f'signs in to KZero as Keycloak\'s own client "{given["kzeroClientId"]}": make a service-account client '
            "for the automation, with view-clients, manage-clients and view-users"
        )
    if str(given["realm"] or "") == "master":
        problems.append(
            'signs in to realm "master", whose accounts reach every tenant: use a client in the tenant\'s own realm'
        )
    if str(given["useCli"]).casefold() in {"true", "1"} and not given["clientId"]:
        problems.append(
            "signs in to Entra as whoever has run `az login`, with all of that person's directory roles: use an app "
            "registration with the permissions in docs/permissions.md (ARM_CLIENT_ID)"
        )
    return problems
