"""Reads both sides of a tenant that was set up by hand, with the provider's own ``read``, and describes it.

Changes nothing. Runs Entra's connection test once, with the credentials that Entra holds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from kzero_scim.clients.graph.client import odata_quote
from kzero_scim.entra.schema.document import all_targets, custom_attributes, extract, is_enabled
from kzero_scim.entra.schema.merge import Wanted, record
from kzero_scim.entra.synchronization_job import ACTIVE, job_path, job_resource_id, same_template
from kzero_scim.errors import AdoptionError, ProviderError
from kzero_scim.guide import values
from kzero_scim.mapping.attribute_mapping import guide_custom_attributes
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsState
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsState
from kzero_scim.provider.entra.attribute_mappings.prior import as_prior
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusState
from kzero_scim.provider.entra.synchronization_credentials.model import SynchronizationCredentialsState
from kzero_scim.provider.entra.synchronization_credentials.resource import SynchronizationCredentials
from kzero_scim.provider.entra.synchronization_credentials.secret_keys import ADDRESS, NOTIFICATION, TOKEN
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetState
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.provider.services import Services
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.model import Found, Resource, found_or_gone
from kzero_scim.resource.reading import Unknown
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.tenant.adopt.candidates import Candidate, Job
from kzero_scim.tenant.adopt.described import Mappers, Rows, missing_mappers, own_mappers, own_rows, settings_from
from kzero_scim.tenant.adopt.program import ExistingApplication
from kzero_scim.tenant.live_resource import silent_call

_TEMPLATES: Final = ("scim", "customappsso")
_LISTED: Final = 5
_ENDPOINT: Final = "SCIM endpoint"
_APPLICATION: Final = "application"
_CLIENT: Final = f"client {values.CLIENT_ID}"
_ORDER: Final = (
    *(_ENDPOINT, _CLIENT, "mappers", _APPLICATION, "service principal", "assignments", "provisioning job"),
    *("credentials", "attribute mappings", "provisioning"),
)
"""The lines of a survey, in the guide's order."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a survey: the side, the object, its state, and a remark."""

    side: str
    what: str
    found: str
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The existing objects of a tenant.

    Attributes:
        settings: The settings that describe them.
        application: The enterprise application.
        existing: The existing resources of package kzero, by type token.
        lines: The objects in words, for the operator.
        left_out: Existing objects that the stack does not take over, with the reason.
    """

    settings: TenantSettings
    application: ExistingApplication
    existing: dict[str, Found[Any, Any]]
    lines: list[Line]
    left_out: dict[str, str] = field(default_factory=dict)

    def noting(self, remark: str) -> Survey:
        """Return the survey with another remark about the application."""
        lines = [
            replace(line, remark="; ".join(filter(None, (line.remark, remark)))) if line.what == _APPLICATION else line
            for line in self.lines
        ]
        return replace(self, lines=lines)


_CALL: Final = silent_call("tenant")


@dataclass
class _Findings:
    """What a survey knows at the start and has found so far."""

    services: Services
    draft: TenantSettings
    trusted: bool
    given: dict[str, Any] = field(default_factory=dict)
    existing: dict[str, Found[Any, Any]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def note(self, side: str, what: str, found: str, remark: str = "") -> None:
        """Add a line."""
        self.lines.append(Line(side=side, what=what, found=found, remark=remark))

    async def keep(self, kind: Resource[Any, Any], found: Found[Any, Any]) -> bool:
        """Record a resource as existing. Leave one with invalid settings out, so that the next update corrects it."""
        _, failures = await kind.check(_CALL, found.inputs, None)
        if failures:
            self.left_out[kind.facts.label] = f"{failures[0].path} {failures[0].reason}"
        else:
            self.existing[kind.token] = found
        return not failures


async def survey(
    services: Services, draft: TenantSettings, candidate: Candidate, *, given: dict[str, Any], rewrite: bool = False
) -> Survey:
    """Read both sides of a tenant and describe them.

    Args:
        services: Both sides.
        draft: Settings that locate them.
        candidate: The enterprise application.
        given: Settings by field name that only the operator knows, such as ``test_user``.
        rewrite: Whether to ignore Entra's hidden credentials, so that the next update writes them.

    Raises:
        KzeroScimError: A side cannot be read, or settings cannot describe it.
    """
    findings = _Findings(services, draft, not rewrite)
    application = await _application(services, candidate)
    mappers, rows = await asyncio.gather(_kzero(findings), _entra(findings, candidate))
    findings.given |= {
        "entra_tenant_id": draft.entra_tenant_id,
        "kzero_tenant": draft.kzero_tenant,
        "kzero_server_url": draft.kzero_server_url,
        "application_name": candidate.name,
        "adopted": True,
    }
    if not (findings.given.get("users") or findings.given.get("groups") or given.get("users") or given.get("groups")):
        message = (
            f'application "{candidate.name}" has no assigned users or groups; assign some in the portal, or give them '
            "with --user or --group"
        )
        raise AdoptionError(message)
    if findings.given.get("users") or findings.given.get("groups"):
        given = {key: value for key, value in given.items() if key not in {"users", "groups"}}
    settings = settings_from(findings.given | given, mappers, rows)
    return Survey(
        settings=settings,
        application=application,
        existing=findings.existing,
        lines=sorted(findings.lines, key=lambda line: _ORDER.index(line.what)),
        left_out=findings.left_out,
    )


async def _application(services: Services, candidate: Candidate) -> ExistingApplication:
    query = {"$filter": f"appId eq {odata_quote(candidate.application_id)}", "$select": "id,appId,displayName"}
    documents = [
        document
        for document in await services.graph.pages("/applications", query)
        if same_id(document.get("appId"), candidate.application_id)
    ]
    if len(documents) != 1:
        message = (
            f'"{candidate.name}" ({candidate.application_id}) is registered in another Entra tenant; adopt only '
            "supports applications that are registered in this one"
        )
        raise AdoptionError(message)
    return ExistingApplication(
        name=str(documents[0].get("displayName")),
        application_id=candidate.application_id,
        application_object_id=str(documents[0]["id"]),
        service_principal_id=candidate.service_principal_id,
    )


# -- KZero ------------------------------------------------------------------------------------------------------------


async def _kzero(findings: _Findings) -> Mappers:
    realm = findings.draft.kzero_tenant
    await findings.services.keycloak.check_realm(realm)
    await _endpoint(findings, realm)
    return await _mappers(findings, realm)


async def _endpoint(findings: _Findings, realm: str) -> None:
    kind = ScimEndpoint(findings.services)
    found = found_or_gone(await kind.read(_CALL, realm, None))
    if found is None:
        findings.note("KZero", _ENDPOINT, "not enabled", f"enable it: {values.SCIM_PAGE}")
        return
    inputs: ScimEndpointInputs = found.inputs
    if inputs.preset == "keycloak":
        message = (
            f'tenant "{realm}" uses Keycloak\'s own SCIM API, which adopt does not support; write its stack file as in '
            "stacks/Pulumi.keycloak-example.yaml and run `pulumi up`, which keeps existing objects"
        )
        raise AdoptionError(message)
    findings.given |= {"profile": inputs.profile, "activation": inputs.activation, "activation_preset": inputs.preset}
    kept = await findings.keep(kind, found)
    remark = ""
    if inputs.azure_tenant_id and not same_id(inputs.azure_tenant_id, findings.draft.entra_tenant_id):
        remark = f"Azure Tenant ID is {inputs.azure_tenant_id}, another tenant's; the next update changes it"
    elif not kept:
        remark = "its settings are incomplete; the next update writes them"
    elif inputs.activation == "console":
        remark = "KZero does not show its settings; assuming the guide's"
    state = "enabled" if inputs.enabled else "off"
    findings.note("KZero", _ENDPOINT, f"{state}, profile {inputs.profile}", remark)


async def _mappers(findings: _Findings, realm: str) -> Mappers:
    kind = MapperSet(findings.services)
    id_ = f"{realm}/{values.CLIENT_ID}"
    everything = found_or_gone(await kind.read(_CALL, id_, None))
    if everything is None:
        findings.note("KZero", _CLIENT, "missing", f"KZero creates it when the endpoint is enabled: {values.SCIM_PAGE}")
        return own_mappers({})
    found = everything.state.mappers
    own = own_mappers(found)
    held: MapperSetState = replace(everything.state, mappers=own.mappers, escape_dots=own.escape_dots)
    kept = found_or_gone(await kind.read(_CALL, id_, held))
    missing = missing_mappers(found, own)
    if kept is not None:
        await findings.keep(kind, kept)
        others = kept.state.unmanaged
    else:
        others = []
    remarks = [
        f"missing: {', '.join(missing)}" if missing else "",
        "" if own.is_guide else "differs from the guide",
        f"not managed: {', '.join(others)}" if others else "",
    ]
    count = len(own.mappers) - len(missing)
    findings.note("KZero", "mappers", f"{count} of {len(own.mappers)}", "; ".join(filter(None, remarks)))
    return own


# -- Entra ------------------------------------------------------------------------------------------------------------


async def _entra(findings: _Findings, candidate: Candidate) -> Rows | None:
    findings.note("Entra", _APPLICATION, candidate.name, candidate.evidence)
    findings.note("Entra", "service principal", candidate.service_principal_id)
    job = _job(candidate)
    if job is None:
        await _assignments(findings, candidate)
        findings.note("Entra", "provisioning job", "missing", "the next update creates it")
        return None
    findings.given["job_template"] = job.template
    _, rows, _ = await asyncio.gather(
        _assignments(findings, candidate), _rows(findings, candidate, job), _plain(findings, candidate, job)
    )
    await _status(findings, candidate, job)
    return rows


def _job(candidate: Candidate) -> Job | None:
    jobs = [_known(job) for job in candidate.jobs]
    fitting = [job for job in jobs if job.template in _TEMPLATES]
    if len(fitting) > 1:
        ids = ", ".join(job.id for job in fitting)
        message = (
            f'application "{candidate.name}" has {len(fitting)} provisioning jobs ({ids}); keep one and delete the '
            "others in the portal"
        )
        raise AdoptionError(message)
    return fitting[0] if fitting else None


def _known(job: Job) -> Job:
    """Write the template's name as the settings do, not as Entra answers it."""
    return replace(job, template=next((name for name in _TEMPLATES if same_template(name, job.template)), job.template))


async def _assignments(findings: _Findings, candidate: Candidate) -> None:
    kind = AppRoleAssignments(findings.services)
    found = found_or_gone(await kind.read(_CALL, candidate.service_principal_id, None))
    if found is None:
        return
    state: AppRoleAssignmentsState = found.state
    findings.given |= {"users": state.users, "groups": state.groups, "app_role": state.role_name}
    await findings.keep(kind, found)
    names = [f'group "{name}"' for name in state.groups] + state.users
    listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    others = f"not managed, with another role: {', '.join(state.unmanaged[:_LISTED])}" if state.unmanaged else ""
    count = f"{_count(len(state.users), 'user')}, {_count(len(state.groups), 'group')}, role {state.role_name}"
    findings.note("Entra", "assignments", count, "; ".join(filter(None, (listed, others))))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


async def _plain(findings: _Findings, candidate: Candidate, job: Job) -> None:
    """Read the job and its credentials."""
    kind = SynchronizationJob(findings.services)
    found = found_or_gone(await kind.read(_CALL, job_resource_id(candidate.service_principal_id, job.id), None))
    if found is not None:
        inputs, state = (replace(item, template_id=job.template) for item in (found.inputs, found.state))
        await findings.keep(kind, Found(found.id, inputs, state))
    findings.note("Entra", "provisioning job", job.id, "" if job.template == "scim" else f"template {job.template}")
    await _credentials(findings, candidate, job)


async def _credentials(findings: _Findings, candidate: Candidate, job: Job) -> None:
    kind = SynchronizationCredentials(findings.services)
    sp = candidate.service_principal_id
    found = found_or_gone(await kind.read(_CALL, sp, None))
    if found is None or ADDRESS not in candidate.keys:
        findings.note("Entra", "credentials", "none", "the next update writes them")
        return
    url = findings.draft.tenant_url
    shown = found.state.tenant_url
    if not shown:
        refusal = await _refused(findings, candidate, job) if findings.trusted else "ignored because of the options"
        if refusal:
            findings.note("Entra", "credentials", "hidden by Graph", f"{refusal}; the next update writes them")
            if findings.trusted:
                findings.left_out[kind.facts.label] = refusal
            return
    flagged = bool(urlsplit(shown).query)
    findings.given["scim_compliant_patch"] = flagged
    held: SynchronizationCredentialsState = replace(found.state, tenant_url=shown or url, job_id=job.id)
    kept = found_or_gone(await kind.read(_CALL, sp, held))
    if kept is not None:
        await findings.keep(kind, kept)
    findings.given |= {"scope": held.scope, "notification_email": held.notification_email}
    if NOTIFICATION in candidate.keys:
        # A default must not replace a value that cannot be read.
        findings.given["deletion_threshold"] = held.deletion_threshold
    hidden = [
        "Tenant URL" if not shown else "",
        "scope" if not shown else "",
        "secret token (not managed)" if TOKEN in candidate.keys else "",
        "notification (not managed)" if NOTIFICATION in candidate.keys and not held.notification_email else "",
    ]
    listed = ", ".join(filter(None, hidden))
    remark = f"hidden by Graph: {listed}" if listed else ""
    source = "from Graph:" if shown else "Entra's connection test passes; assuming"
    findings.note("Entra", "credentials", f"{source} {held.tenant_url}, scope {held.scope}", remark)


async def _refused(findings: _Findings, candidate: Candidate, job: Job) -> str:
    """Let Entra test the credentials that it holds. Return ``""`` if they pass, else the reason."""
    test = ConnectionTest(findings.services, delays=())
    try:
        answer = await test.read(_CALL, job_resource_id(candidate.service_principal_id, job.id), None)
    except ProviderError:
        return "Entra's connection test fails with them"
    if isinstance(answer, Unknown):
        if answer.error is not None and answer.error.is_forbidden:
            raise answer.failure()
        return f"could not run Entra's connection test: {answer.reason}"
    return ""


async def _rows(findings: _Findings, candidate: Candidate, job: Job) -> Rows:
    graph, sp = findings.services.graph, candidate.service_principal_id
    document = await graph.get(f"{job_path(sp, job.id)}/schema")
    found = extract(document, all_targets(document))
    names = [item.name for item in guide_custom_attributes()]
    own = own_rows(found, {item.name: item for item in custom_attributes(document, names)})
    groups = is_enabled(document, "Group")
    findings.given["provision_groups"] = bool(groups)
    wanted = Wanted(
        rows=own.rows,
        custom_attributes=own.custom_attributes,
        provision_groups=bool(groups),
        exclusive=False,
    )
    held = AttributeMappingsState(
        service_principal_id=sp,
        job_id=job.id,
        rows=own.rows,
        custom_attributes=own.custom_attributes,
        provision_groups=bool(groups),
        rule_id="",
        fingerprint="",
        unmanaged_rows=[],
        # Deleting the resource later restores the present values.
        prior=as_prior(record(document, wanted)),
    )
    kind = AttributeMappings(findings.services)
    kept = found_or_gone(await kind.read(_CALL, job_resource_id(sp, job.id), held))
    if kept is None:
        message = f"the synchronization schema of job {job.id} disappeared while it was read; run `adopt` again"
        raise AdoptionError(message)
    await findings.keep(kind, kept)
    state = kept.state
    missing = [target for target in own.rows if target not in state.rows]
    remarks = [
        f"missing: {', '.join(missing)}" if missing else "",
        "" if own.are_guide else "differs from the guide",
        f"{len(state.unmanaged_rows)} others not managed" if state.unmanaged_rows else "",
    ]
    findings.note(
        "Entra", "attribute mappings", f"{len(state.rows)} of {len(own.rows)}", "; ".join(filter(None, remarks))
    )
    return own


async def _status(findings: _Findings, candidate: Candidate, job: Job) -> None:
    kind = ProvisioningStatus(findings.services)
    found = found_or_gone(await kind.read(_CALL, job_resource_id(candidate.service_principal_id, job.id), None))
    if found is None:
        return
    credentials = findings.existing.get(SynchronizationCredentials.token)
    mappings = findings.existing.get(AttributeMappings.token)
    # The same triggers as the program's, so that the first update restarts the job only for real changes.
    triggers: dict[str, str] = {}
    if credentials:
        held: SynchronizationCredentialsState = credentials.state
        triggers |= {"credentials": held.settings_fingerprint, "tenantUrl": held.tenant_url, "scope": held.scope}
    if mappings:
        triggers["mappings"] = mappings.state.fingerprint
    state: ProvisioningStatusState = replace(found.state, triggers=triggers)
    await findings.keep(kind, Found(found.id, replace(found.inputs, triggers=triggers), state))
    findings.given["provisioning"] = state.schedule_state == ACTIVE
    quarantine = f"in quarantine: {state.quarantine.reason}" if state.quarantine else ""
    off = "" if state.enabled else "stays off; set kzero-scim:provisioning to true to turn it on"
    found_as = "on" if state.enabled else f"off ({state.schedule_state or 'never started'})"
    findings.note("Entra", "provisioning", found_as, "; ".join(filter(None, (quarantine, off))))
