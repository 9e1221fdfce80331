"""Tests which applications ``kzero:entra:findOrphanedApplication`` finds in the sandbox's Entra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE, USER_ROLE

from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.orphaned_application import (
    FindOrphanedApplication,
    FindOrphanedApplicationArgs,
    FindOrphanedApplicationResult,
)
from kzero_scim.resource.model import Call
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

NAME = "KZero O'Hara"
MARK = "kzero-scim, stack organization/kzero-scim/contoso"


def instantiate(entra: LocalEntra, name: str = NAME, owner: str = "least-privilege") -> tuple[str, str]:
    """Create an application as azuread does, and return the object IDs of it and its service principal."""
    object_id = entra.organisation.client(owner).object_id
    application, principal = entra.emulator.directory.instantiate(NON_GALLERY_TEMPLATE, name, object_id)
    return str(application["id"]), str(principal["id"])


async def find(entra: LocalEntra, name: str = NAME) -> FindOrphanedApplicationResult:
    """Search as a client with the least permissions."""
    function = FindOrphanedApplication(entra.services("least-privilege"))
    return await function.invoke(
        call(), FindOrphanedApplicationArgs(display_name=name, template_id=NON_GALLERY_TEMPLATE, mark=MARK)
    )


async def test_an_unused_application_of_ours_is_found(entra: LocalEntra) -> None:
    """An unused application is found with the IDs that azuread imports it by."""
    application, principal = instantiate(entra)

    found = await find(entra)

    assert (found.application_id, found.service_principal_id) == (application, principal)


async def test_where_there_is_none_one_request_tells(entra: LocalEntra) -> None:
    """Without a matching name, the search sends one request after the sign-in."""
    instantiate(entra, "Another name")

    found = await find(entra)

    assert found == FindOrphanedApplicationResult()
    assert [path for _, path in entra.requests() if path.startswith("/v1.0/")] == ["/v1.0/applications"]


async def _give_it_a_job(entra: LocalEntra, principal: str) -> None:
    path = f"/servicePrincipals/{principal}/synchronization/jobs"
    await entra.graph("admin").post(path, {"templateId": "scim"})


async def _assign_somebody(entra: LocalEntra, principal: str) -> None:
    directory = entra.emulator.directory
    directory.assign(principal, directory.user("alex@contoso.example")["id"], USER_ROLE)


async def _mark_it(entra: LocalEntra, principal: str) -> None:
    notes = {"notes": "kzero-scim, stack organization/kzero-scim/fabrikam"}
    await entra.graph("admin").patch(f"/servicePrincipals/{principal}", notes)


async def _make_it_from_another_template(entra: LocalEntra, principal: str) -> None:
    app_id = entra.emulator.directory.principal(principal)[1]["appId"]
    for application in entra.emulator.directory.applications.values():
        if application["appId"] == app_id:
            application["applicationTemplateId"] = None


@pytest.mark.parametrize("change", [_give_it_a_job, _assign_somebody, _mark_it, _make_it_from_another_template])
async def test_what_is_in_use_or_somebody_elses_is_not_found(
    entra: LocalEntra, change: Callable[[LocalEntra, str], Any]
) -> None:
    """A job, an assignment, another stack's mark or another template excludes an application."""
    _, principal = instantiate(entra)
    await change(entra, principal)

    assert await find(entra) == FindOrphanedApplicationResult()


async def test_what_another_account_made_is_not_found(entra: LocalEntra) -> None:
    """An application with the same name and template but another owner is not found."""
    instantiate(entra, owner="admin")

    assert await find(entra) == FindOrphanedApplicationResult()


async def test_a_name_in_another_case_is_another_name(entra: LocalEntra) -> None:
    """A name in another case is not found, although Graph's filter ignores case."""
    instantiate(entra, NAME.upper())

    assert await find(entra) == FindOrphanedApplicationResult()


async def test_ones_own_mark_is_no_obstacle(entra: LocalEntra) -> None:
    """An application with this stack's mark is found."""
    application, principal = instantiate(entra)
    await entra.graph("admin").patch(f"/servicePrincipals/{principal}", {"notes": MARK})

    assert (await find(entra)).application_id == application


async def test_several_are_named_and_none_is_taken(entra: LocalEntra) -> None:
    """Several matches are an error with all IDs and the remedy."""
    ids = [instantiate(entra)[0] for _ in range(2)]

    with pytest.raises(ProviderError, match="Delete all but one under App registrations") as failure:
        await find(entra)

    assert all(one in str(failure.value) for one in ids)


async def test_who_may_not_look_finds_nothing(entra: LocalEntra) -> None:
    """An account without the permission finds nothing, because a later step reports it."""
    instantiate(entra)
    entra.fail("/v1.0/applications$", 403, "GET")

    assert await find(entra) == FindOrphanedApplicationResult()


async def test_no_answer_is_an_error(entra: LocalEntra) -> None:
    """No answer is an error, because continuing could create a second application."""
    entra.fail("/v1.0/applications$", 500, "GET", times=None)

    with pytest.raises(GraphError, match="500"):
        await find(entra)


async def test_a_preview_warns_of_an_application_with_the_same_name(entra: LocalEntra) -> None:
    """The warning names its ID, says what a destroy would remove, and how to take it over. An update does not warn."""
    instantiate(entra, owner="admin")
    function = FindOrphanedApplication(entra.services("least-privilege"))
    arguments = FindOrphanedApplicationArgs(display_name=NAME, template_id=NON_GALLERY_TEMPLATE, mark=MARK)
    lines = Lines()
    for preview in (False, True):
        request = Call(urn="", name="it", log=lines, preview=preview)
        assert await function.invoke(request, arguments) == FindOrphanedApplicationResult()

    [warning] = lines.warnings
    assert f'Entra already has an application named "{NAME}"' in warning
    assert "`pulumi destroy` would remove only that one" in warning
    assert "`kzero-scim adopt`" in warning
