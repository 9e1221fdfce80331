"""What a change of the provisioning credentials means: what must be confirmed, what is said, what is tried out before.

Asks Entra for a connection test with credentials that are not saved, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from kzero_scim.entra.connection_failure import is_about_the_request, meaning
from kzero_scim.entra.synchronization_job import job_path, jobs_path
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.synchronization_credentials.oauth2 import EXPERIMENTAL, OAUTH2_KEYS
from kzero_scim.provider.entra.synchronization_credentials.secret_keys import ADDRESS, TOKEN, body_of
from kzero_scim.resource.model import UNKNOWN
from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient
    from kzero_scim.provider.entra.synchronization_credentials.model import (
        SynchronizationCredentialsInputs,
        SynchronizationCredentialsState,
    )
    from kzero_scim.resource.model import Call

ISSUED_BY_ENTRA: Final = (
    "no secretToken: Entra will send a token that it issues itself, which Microsoft recommends for testing only; "
    "set secretToken for production, if KZero gives you one"
)
NOBODY_IS_TOLD: Final = (
    "no notificationEmail: nobody is told when Entra holds deletions back or puts provisioning into quarantine; set one"
)
_NARROWED: Final = (
    "scope: who is not assigned, directly or by a group, is no longer provisioned: Entra disables those users in KZero "
    "at the next cycle"
)
_ROTATED: Final = (
    "a new secretToken: Entra tries it out before it is saved; if KZero refuses it, the one that is in use stays. "
    "KZero has to accept both until then"
)
_REMOVED: Final = "the secret token is removed; KZero has to accept the tokens of this Entra tenant from then on"
_HANDED_OVER: Final = (
    "the secret token gives way to a client as which Entra fetches tokens itself; Entra tries that out before it is "
    "saved, and if it fails, the token stays"
)
_NEW_ADDRESS: Final = "a new Tenant URL: Entra tries it out before it is saved; if that fails, the old one stays"
_UNSEEN_ADDRESS: Final = "Entra does not show which Tenant URL it holds, or holds none: this one is tried out and set"


def refuse_whole_directory(new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None) -> None:
    """Let the scope become the whole directory only if the operator has confirmed that for this run.

    Raises:
        ProviderError: It would, and is not confirmed.
    """
    if new.scope != "all" or (old is not None and old.scope == "all") or is_confirmed("scope", "all"):
        return
    message = (
        "scope: all provisions everybody in the directory to KZero, guests and service accounts included, assigned or "
        f"not; {how_to_confirm('scope', 'all')}"
    )
    raise ProviderError(message)


async def announce(
    call: Call, new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None
) -> None:
    """Say at a preview what changed credentials mean."""
    await _announce_sign_in(call, new, old)
    if new.notification_email is None and (old is None or old.notification_email is not None):
        await call.log.info(NOBODY_IS_TOLD)
    if old is None:
        return
    if new.scope == "assigned" and old.scope == "all":
        await call.log.warning(_NARROWED)
    if new.secret_token is None and old.secret_token is not None:
        await call.log.warning(_REMOVED if new.oauth2 is None else _HANDED_OVER)
    elif new.secret_token != old.secret_token:
        await call.log.info(_ROTATED)
    if not old.tenant_url:
        await call.log.info(_UNSEEN_ADDRESS)
    elif new.tenant_url is not UNKNOWN and new.tenant_url != old.tenant_url:
        await call.log.info(_NEW_ADDRESS)


async def _announce_sign_in(
    call: Call, new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None
) -> None:
    """Say what signing in by something else than a token that is given means."""
    if new.oauth2 is not None:
        if old is None or old.oauth2 is None:
            await call.log.warning(EXPERIMENTAL)
    elif new.secret_token is None and (old is None or old.secret_token is not None or old.oauth2 is not None):
        await call.log.info(ISSUED_BY_ENTRA)


async def try_out(
    graph: GraphClient,
    new: SynchronizationCredentialsInputs,
    old: SynchronizationCredentialsState,
    values: Mapping[str, str],
) -> None:
    """Have Entra test a changed Tenant URL or token without saving it, so that it never replaces one that works.

    See https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials.

    Args:
        graph: Asks Entra.
        new: What is wanted.
        old: What is in use.
        values: The keys that would be saved, with their values.

    Raises:
        ProviderError: The test did not pass; nothing was saved.
        GraphError: Entra refused to test at all.
    """
    if (new.tenant_url, new.secret_token, new.oauth2) == (old.tenant_url, old.secret_token, old.oauth2):
        return
    sp = new.service_principal_id
    path = job_path(sp, new.job_id) if new.job_id else jobs_path(sp)
    body = {"useSavedCredentials": False, "templateId": "scim", "credentials": _connection(values)}
    try:
        await graph.post(f"{path}/validateCredentials", body)
    except GraphError as error:
        if is_about_the_request(error):
            raise
        what = "secret token" if new.secret_token != old.secret_token else "Tenant URL"
        if new.oauth2 is not None and new.oauth2 != old.oauth2:
            what = "OAuth 2.0 client"
        message = (
            f"the new {what} was not saved, and the one that is in use stays: Entra's connection test of "
            f"{new.tenant_url} with it did not pass: {error}; what that usually means: {meaning(str(error)).text}"
        )
        raise ProviderError(message) from error


def _connection(values: Mapping[str, str]) -> object:
    """Give those of the keys that make up the connection."""
    used = {ADDRESS, TOKEN, *OAUTH2_KEYS}
    return body_of({key: value for key, value in values.items() if key in used})["value"]
