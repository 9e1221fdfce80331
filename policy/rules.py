"""The policies' rules: return what is wrong with a resource's inputs. Pure; knows nothing of Pulumi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

Inputs = Mapping[str, Any]
"""A resource's inputs, by the names of the schema."""

NOT_PRODUCTION: Final = ("sandbox*", "demo*", "dev*", "*-dev", "test*", "*-test", "staging*", "*-staging")
"""Default patterns of stacks that are not in production."""

LARGEST_THRESHOLD: Final = 500
"""The value that the portal suggests. A larger threshold hardly limits deletions."""

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
"""The environment variables that the provider reads if an input is not set."""


def stack_of(urn: str) -> str:
    """Return the stack's name from a resource's URN."""
    parts = urn.split(":")
    return parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - urn:pulumi:<stack>::...


def is_production(stack: str, tags: Mapping[str, str], not_production: Sequence[str] = NOT_PRODUCTION) -> bool:
    """Return whether a stack is in production.

    Args:
        stack: Its name.
        tags: Its tags, which only some backends have. A tag ``environment`` decides.
        not_production: Patterns of the stacks that are not, if there is no such tag.
    """
    if environment := tags.get("environment"):
        return environment.casefold() in {"prod", "production"}
    return not any(fnmatchcase(stack, pattern) for pattern in not_production)


def whole_directory(inputs: Inputs) -> list[str]:
    """Return a problem if the scope is the whole directory."""
    if inputs.get("scope") != "all":
        return []
    return ["provisions the whole directory; set kzero-scim:scope to assigned and list groups"]


def notification_email(inputs: Inputs) -> list[str]:
    """Return a problem if there is no address for notifications of failures."""
    if inputs.get("notificationEmail"):
        return []
    return ["has no address for notifications of failures, deletions and quarantine; set kzero-scim:notificationEmail"]


def deletion_threshold(inputs: Inputs, largest: int = LARGEST_THRESHOLD) -> list[str]:
    """Return a problem if the deletion threshold is missing or too large."""
    threshold = inputs.get("deletionThreshold")
    if not threshold:
        return ["allows any number of deletions in one cycle; set kzero-scim:deletionThreshold, for example to 25"]
    if threshold > largest:
        return [f"kzero-scim:deletionThreshold is {int(threshold)}, but the policy allows at most {largest}"]
    return []


def secret_token(inputs: Inputs, *, production: bool) -> list[str]:
    """Return a problem if Entra presents its own token in production, instead of one that KZero issued."""
    if inputs.get("secretToken") or inputs.get("oauth2") or not production:
        return []
    problem = (
        "has no secret token, so Entra presents one that it issues itself, which Microsoft recommends for testing "
        "only; run `pulumi config set --secret kzero-scim:secretToken`, or configure which stacks are not in "
        "production (notProduction)"
    )
    return [problem]


def admin_credentials(inputs: Inputs, environment: Mapping[str, str]) -> list[str]:
    """Return problems if the automation signs in with the account of a person or an administrator.

    A policy cannot see an account's permissions and roles. ``kzero-scim doctor`` checks those.

    Args:
        inputs: The provider's inputs.
        environment: The environment variables that the provider reads if an input is not set.
    """
    given = {key: inputs.get(key) or environment.get(variable) for key, variable in _ENVIRONMENT.items()}
    problems: list[str] = []
    if given["kzeroUsername"]:
        problems.append(
            f'signs in to KZero as user "{given["kzeroUsername"]}", with all of that person\'s permissions; use a '
            "service-account client with view-clients, manage-clients and view-users (kzeroClientId)"
        )
    elif str(given["kzeroClientId"] or "") in _BUILT_IN_CLIENTS:
        problems.append(
            f'signs in to KZero as Keycloak\'s own client "{given["kzeroClientId"]}"; create a service-account client '
            "for the automation, with view-clients, manage-clients and view-users"
        )
    if str(given["realm"] or "") == "master":
        problems.append(
            'signs in to realm "master", whose accounts can access all tenants; use a client in the tenant\'s own realm'
        )
    if str(given["useCli"]).casefold() in {"true", "1"} and not given["clientId"]:
        problems.append(
            "signs in to Entra as the user of `az login`, with all of that person's directory roles; use an app "
            "registration with the permissions in docs/permissions.md (ARM_CLIENT_ID)"
        )
    return problems
