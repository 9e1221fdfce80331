"""Handles a change of the provisioning credentials: requires a confirmation, logs the effects, tests it before saving.

The only request to Entra is a connection test with credentials that are not saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from kzero_scim.entra.connection_failure import is_about_the_request, meaning
from kzero_scim.entra.synchronization_job import job_path, jobs_path, template_of
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
    "secretToken is not set: Entra will send a token that it issues itself, which Microsoft recommends for testing "
    "only; for production, set secretToken if KZero gives you one"
)
NO_NOTIFICATION: Final = (
    "notificationEmail is not set: Entra will not notify anyone when it stops deletions or puts provisioning into "
    "quarantine; set an address"
)
_NARROWED: Final = (
    "scope assigned: Entra would stop provisioning users who are not assigned, directly or through a group, and would "
    "disable them in KZero in the next cycle"
)
_ROTATED: Final = (
    "new secretToken: Entra would test it before saving it, and keep the old one if the test fails; until then KZero "
    "must accept both"
)
_REMOVED: Final = "the secret token would be removed; KZero must then accept tokens that this Entra tenant issues"
_HANDED_OVER: Final = (
    "an OAuth 2.0 client, with which Entra fetches tokens itself, would replace the secret token; Entra would test it "
    "before saving it, and keep the token if the test fails"
)
_NEW_ADDRESS: Final = "new Tenant URL: Entra would test it before saving it, and keep the old one if the test fails"
_UNSEEN_ADDRESS: Final = "Entra hides its Tenant URL or has none; the stack's Tenant URL would be tested and saved"


def refuse_whole_directory(new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None) -> None:
    """Refuse to provision the whole directory, unless this run confirms it.

    Raises:
        ProviderError: The scope would become the whole directory, and the run does not confirm it.
    """
    if new.scope != "all" or (old is not None and old.scope == "all") or is_confirmed("scope", "all"):
        return
    message = (
        "scope all would provision all users of the directory to KZero, assigned or not, including guests and service "
        f"accounts. Nothing was changed; {how_to_confirm('scope', 'all')}"
    )
    raise ProviderError(message)


async def announce(
    call: Call, new: SynchronizationCredentialsInputs, old: SynchronizationCredentialsState | None
) -> None:
    """Log in a preview what changed credentials mean."""
    await _announce_sign_in(call, new, old)
    if new.notification_email is None and (old is None or old.notification_email is not None):
        await call.log.info(NO_NOTIFICATION)
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
    """Log what it means if Entra does not sign in with a secret token."""
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
    """Let Entra test a changed Tenant URL or token before it is saved, so that it never replaces one that works.

    See https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials.

    Args:
        graph: Microsoft Graph.
        new: The wanted credentials.
        old: The credentials in use.
        values: The keys that would be saved, with their values.

    Raises:
        ProviderError: The test did not pass. Nothing was saved.
        GraphError: Graph refused the request itself.
    """
    if (new.tenant_url, new.secret_token, new.oauth2) == (old.tenant_url, old.secret_token, old.oauth2):
        return
    sp = new.service_principal_id
    path = job_path(sp, new.job_id) if new.job_id else jobs_path(sp)
    template = template_of(new.job_id) if new.job_id else "scim"
    body = {"useSavedCredentials": False, "templateId": template, "credentials": _connection(values)}
    try:
        await graph.post(f"{path}/validateCredentials", body)
    except GraphError as error:
        if is_about_the_request(error):
            raise
        what = "secret token" if new.secret_token != old.secret_token else "Tenant URL"
        if new.oauth2 is not None and new.oauth2 != old.oauth2:
            what = "OAuth 2.0 client"
        message = (
            f"the new {what} was not saved and the old one stays in use, because a connection test of {new.tenant_url} "
            f"with it did not pass. Usual cause: {meaning(str(error)).text}. Entra's answer: {error}"
        )
        raise ProviderError(message) from error


def _connection(values: Mapping[str, str]) -> object:
    """Return the keys of the connection, in the form of Graph's request."""
    used = {ADDRESS, TOKEN, *OAUTH2_KEYS}
    return body_of({key: value for key, value in values.items() if key in used})["value"]
