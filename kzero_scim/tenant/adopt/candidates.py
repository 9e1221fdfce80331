"""Finds the enterprise application that provisions a KZero tenant among those of an Entra tenant.

Graph hides an application's Tenant URL (it returns ``*``). So the search uses the application's template, its name, its
provisioning jobs, and the names of its credentials.
https://learn.microsoft.com/graph/api/serviceprincipal-list, ``/synchronization-synchronization-list-jobs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kzero_scim.clients.graph.batch import BatchRequest
from kzero_scim.clients.graph.client import GraphClient, odata_quote, segment
from kzero_scim.clients.graph.graph_errors import unexpected
from kzero_scim.entra.enterprise_application import NON_GALLERY_TEMPLATE
from kzero_scim.errors import AdoptionError, GraphError
from kzero_scim.guide import values
from kzero_scim.provider.entra.synchronization_credentials.secret_keys import ADDRESS, keys_of, visible
from kzero_scim.resource.formats import is_guid, same_id, same_tenant_url

_SELECT: Final = "id,appId,displayName,applicationTemplateId,appOwnerOrganizationId"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A provisioning job: its ID, its template, and its schedule's state (``Active``, ``Paused``, ``Disabled``)."""

    id: str
    template: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An enterprise application that may be KZero's.

    Attributes:
        service_principal_id: Object ID of its service principal.
        application_id: Its application (client) ID.
        name: Its display name.
        from_template: Whether it was created as "Integrate any other application you don't find in the gallery".
        jobs: Its provisioning jobs.
        keys: Names of its credentials.
        tenant_url: The Tenant URL; None if Graph hides it.
    """

    service_principal_id: str
    application_id: str
    name: str
    from_template: bool = True
    jobs: tuple[Job, ...] = ()
    keys: frozenset[str] = frozenset()
    tenant_url: str | None = None

    @property
    def evidence(self) -> str:
        """Why it may be KZero's application, in words."""
        parts = [
            "Tenant URL is this tenant's" if self.tenant_url else "",
            "named for KZero" if self.is_named else "",
            f"{len(self.jobs)} provisioning {'job' if len(self.jobs) == 1 else 'jobs'}" if self.jobs else "no job",
            "has a Tenant URL" if ADDRESS in self.keys and not self.tenant_url else "",
            "" if self.from_template else "not made from the non-gallery template",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def is_named(self) -> bool:
        """Whether its name contains KZero."""
        return "kzero" in self.name.casefold().replace(" ", "").replace("-", "")

    @property
    def rank(self) -> int:
        """How likely it is KZero's application: 3 by Tenant URL, 2 by name and job, 1 by name, 0 by a job only."""
        if self.tenant_url:
            return 3
        return (2 if self.jobs else 1) if self.is_named else 0


def order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates, most likely first. Among equals, the guide's name comes first, then names in order."""
    return sorted(
        candidates, key=lambda item: (-item.rank, item.name != values.APPLICATION_NAME, item.name.casefold(), item.name)
    )


def unmistakable(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the only likely candidate; None if several are equally likely, or if only a job suggests it.

    An application whose name does not contain KZero may provision something else, so the operator must choose.
    """
    best = max((item.rank for item in candidates), default=0)
    fitting = [item for item in candidates if item.rank == best]
    return fitting[0] if best > 0 and len(fitting) == 1 else None


async def find(graph: GraphClient, tenant_url: str) -> tuple[list[Candidate], int]:
    """Find the applications that may provision this tenant.

    Args:
        graph: The Entra tenant.
        tenant_url: The KZero tenant's Tenant URL.

    Returns:
        The applications, most likely first, and the number of applications that the account may not read.

    Raises:
        GraphError: Graph refused the list or cannot be reached.
    """
    query = {"$filter": f"applicationTemplateId eq {odata_quote(NON_GALLERY_TEMPLATE)}", "$select": _SELECT}
    documents = await graph.pages("/servicePrincipals", query | {"$top": "999"})
    candidates = [item for item in map(_candidate, documents) if item.from_template]
    looked = await _read_uses(graph, candidates, tenant_url)
    found = [item for item in looked if isinstance(item, Candidate) and (item.jobs or item.is_named)]
    return order(found), sum(isinstance(item, GraphError) for item in looked)


async def find_named(graph: GraphClient, name: str, tenant_url: str) -> Candidate:
    """Return the application that the operator names.

    Args:
        graph: The Entra tenant.
        name: Its application (client) ID, its object ID, its service principal's object ID, or its display name.
        tenant_url: The KZero tenant's Tenant URL.

    Raises:
        AdoptionError: No application or several have that name, or it provisions another tenant.
        GraphError: Graph refused or cannot be reached.
    """
    text = odata_quote(name)
    condition = f"appId eq {text} or id eq {text}" if is_guid(name) else f"displayName eq {text}"
    documents = [
        document
        for document in await graph.pages("/servicePrincipals", {"$filter": condition, "$select": _SELECT})
        if any(same_id(document.get(key), name) for key in ("appId", "id", "displayName"))
    ]
    if not documents and is_guid(name):
        documents = await _of_application(graph, name)
    if len(documents) != 1:
        what = f"{len(documents)} enterprise applications are" if documents else "no enterprise application is"
        ids = (
            f": {', '.join(str(document['id']) for document in documents)}; give one of these IDs with --application"
            if documents
            else "; correct --application"
        )
        message = f'{what} called "{name}" in Entra tenant {graph.tenant_id}{ids}'
        raise AdoptionError(message)
    candidate = _candidate(documents[0])
    [looked] = await _read_uses(graph, [candidate], tenant_url)
    if isinstance(looked, GraphError):
        raise looked
    if looked is None:
        message = (
            f'application "{candidate.name}" provisions another Tenant URL than {tenant_url}; choose '
            f"another with --application"
        )
        raise AdoptionError(message)
    return looked


async def _of_application(graph: GraphClient, object_id: str) -> list[dict[str, Any]]:
    try:
        application = await graph.get(f"/applications/{segment(object_id)}", {"$select": "id,appId"})
    except GraphError as error:
        if error.is_missing:
            return []
        raise
    condition = f"appId eq {odata_quote(str(application['appId']))}"
    documents = await graph.pages("/servicePrincipals", {"$filter": condition, "$select": _SELECT})
    return [document for document in documents if same_id(document.get("appId"), application["appId"])]


def _candidate(document: dict[str, Any]) -> Candidate:
    return Candidate(
        service_principal_id=str(document["id"]),
        application_id=str(document["appId"]),
        name=str(document.get("displayName") or ""),
        from_template=same_id(document.get("applicationTemplateId"), NON_GALLERY_TEMPLATE),
    )


async def _read_uses(
    graph: GraphClient, candidates: Sequence[Candidate], tenant_url: str
) -> list[Candidate | GraphError | None]:
    """Return the candidates with jobs and credentials. Reads in batches.

    Returns:
        For each candidate: None if it has another Tenant URL, and an error if the account may not read it.
    """
    paths = [f"/servicePrincipals/{item.service_principal_id}/synchronization" for item in candidates]
    requests = [BatchRequest("GET", f"{path}/{what}") for path in paths for what in ("jobs", "secrets")]
    answers = await graph.batch(requests) if requests else []
    forbidden: dict[int, GraphError] = {}
    for place, (request, answer) in enumerate(zip(requests, answers, strict=True)):
        if answer.ok:
            if not isinstance(answer.body.get("value"), list):
                raise unexpected(request.path, "something else where a list belongs")
            continue
        error = graph.error(request, answer)
        if error.is_forbidden:
            forbidden[place // 2] = error
        # Graph answers 404 for an application without provisioning.
        elif not error.is_missing:
            raise error
    looked: list[Candidate | GraphError | None] = []
    for index, item in enumerate(candidates):
        if index in forbidden:
            looked.append(forbidden[index])
            continue
        jobs, keys = answers[2 * index].body, keys_of(answers[2 * index + 1].body)
        shown = visible(ADDRESS, keys.get(ADDRESS))
        is_other = shown is not None and not same_tenant_url(shown, tenant_url)
        found = replace(
            item,
            jobs=tuple(_job(job) for job in jobs.get("value") or []),
            keys=frozenset(keys),
            tenant_url=shown,
        )
        looked.append(None if is_other else found)
    return looked


def _job(document: dict[str, Any]) -> Job:
    return Job(
        id=str(document.get("id")),
        template=str(document.get("templateId") or ""),
        state=str((document.get("schedule") or {}).get("state") or ""),
    )
