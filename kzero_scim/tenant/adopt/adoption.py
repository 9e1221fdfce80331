"""Adopts a tenant that was set up by hand: finds it, describes it, writes its stack file, imports it, previews it.

Changes neither side. If a step fails, restores the stack file and the stack.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic.alias_generators import to_camel

from kzero_scim.errors import AdoptionError, GraphError, KzeroScimError, SettingsError
from kzero_scim.provider.services import Services
from kzero_scim.settings.setting import about
from kzero_scim.settings.tenant_settings import FIELDS, NAMESPACE, TenantSettings, full_key
from kzero_scim.stack import safe_yaml, stack_file
from kzero_scim.stack.stack import Stack, run_pulumi, short_name, stack_names
from kzero_scim.tenant.adopt.candidates import Candidate, find, find_named, unmistakable
from kzero_scim.tenant.adopt.importing import bring_in
from kzero_scim.tenant.adopt.survey import Survey, survey
from kzero_scim.tenant.services import tenant_services

_WHERE: Final = {
    "azuread:tenantId": "ARM_TENANT_ID",
    f"{NAMESPACE}:kzeroTenant": "KZERO_REALM",
    f"{NAMESPACE}:kzeroServerUrl": "KZERO_SERVER_URL",
}
"""Settings that are needed to connect to both sides, and the environment variables that may hold them."""
_ACCESS: Final = (
    *_WHERE,
    *(f"{NAMESPACE}:{key}" for key in ("kzeroClientId", "kzeroClientSecret", "kzeroUsername", "kzeroPassword")),
)
_ENDPOINT: Final = ("profile", "activation", "activationPreset")
_OBSERVED: Final = tuple(key for key, field in FIELDS.items() if about(field).observed)
"""Settings that come from the existing objects, whatever an older stack file contains."""
_OWNERSHIP: Final = (
    "Application.ReadWrite.OwnedBy covers only objects that the app registration owns; make it an owner of the "
    "application, or grant it Application.ReadWrite.All and Synchronization.ReadWrite.All"
)
_COMMENT: Final = "Written by `kzero-scim adopt` from the existing tenant. docs/settings.md describes every setting."


@dataclass(frozen=True, kw_only=True)
class Request:
    """The tenant to adopt.

    Attributes:
        project: The folder of Pulumi.yaml.
        stack: The tenant's stack.
        where: Settings that locate both sides, by full key; they override the stack file and the environment.
        application: An ID or the name of the application; None to search for it.
        test_user: A test user for the stack file; no service stores it.
        users: Users to assign if the application has no assignments.
        groups: Groups to assign if the application has no assignments.
        force: Whether to overwrite an existing stack file.
        rewrite: Whether the next update writes the credentials that Graph hides.
    """

    project: Path
    stack: str
    where: Mapping[str, str] = field(default_factory=dict)
    application: str | None = None
    test_user: str | None = None
    users: Sequence[str] = ()
    groups: Sequence[str] = ()
    force: bool = False
    rewrite: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The existing objects of a tenant, and the files that its adoption would write.

    Attributes:
        request: The tenant to adopt.
        survey: The existing objects.
        file: The stack file.
        text: Text of the stack file.
        users: With very many users, the separate file that lists them, and its text.
        is_adopted: Whether the stack contains all these objects already.
        stack_exists: Whether the stack exists.
        overwrites: Whether an existing file would be changed.
    """

    request: Request
    survey: Survey
    file: Path
    text: str
    users: Mapping[Path, str]
    is_adopted: bool
    stack_exists: bool
    overwrites: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One resource that the next update would change: the operation (``create``, ``update``, ...) and properties."""

    op: str
    resource: str
    properties: tuple[str, ...] = ()


Choose = Callable[[Sequence[Candidate]], Candidate]
"""Asks the operator to choose an application. Raises AdoptionError if there is no terminal to ask on."""


def plan_adoption(request: Request, choose: Choose) -> Plan:
    """Find a tenant and describe it. Changes nothing.

    Raises:
        SettingsError: A setting is missing or wrong.
        AdoptionError: The tenant cannot be adopted.
        KzeroScimError: A side cannot be read.
    """
    file = stack_file.path_of(request.project, request.stack)
    document = stack_file.load(file)
    exists = short_name(request.stack) in stack_names(request.project)
    stack = Stack.load(request.stack, request.project) if exists else None
    configuration = stack.configuration if stack else stack_file.configuration_of(document)
    secret_keys = stack.secret_keys if stack else frozenset()
    draft = _draft(request, configuration, secret_keys)
    held = _held(stack, configuration)
    found = asyncio.run(_survey_tenant(request, draft, configuration, held, choose))
    config, users = stack_file.users_apart(stack_file.entries(found.settings), request.project, request.stack)
    config = observed_defaults(document, keep_endpoint="activation" not in _fields(found)) | config
    text = stack_file.render(config, comment=stack_file.heading(request.project, _COMMENT), present=_present(file))
    types = {resource.type for resource in stack.resources} if stack else set()
    return Plan(
        request=request,
        survey=found,
        file=file,
        text=text,
        users=users,
        is_adopted=held is not None and found.existing.keys() <= types,
        stack_exists=exists,
        overwrites=file.exists() and (_differs(text, document) or any(map(_says_otherwise, users.items()))),
    )


def adopt(plan: Plan) -> None:
    """Write the stack file, create the stack if needed, and import everything. Changes neither side.

    Raises:
        AdoptionError: The file exists with other settings, or the engine failed. Stack and file are restored.
    """
    request = plan.request
    if plan.overwrites and not request.force:
        message = (
            f"{plan.file} exists with other settings; review it, then add --force to overwrite it "
            "(other keys and secrets in it are kept)"
        )
        raise AdoptionError(message)
    with _put_back(plan):
        if plan.overwrites or not plan.file.exists():
            plan.file.parent.mkdir(parents=True, exist_ok=True)
            for file, text in {**plan.users, plan.file: plan.text}.items():
                file.write_text(text, encoding="utf-8")
        if not plan.stack_exists:
            run_pulumi(request.project, "stack", "init", request.stack, "--no-select")
        bring_in(request.project, request.stack, plan.survey)
        held = {resource.type for resource in Stack.load(request.stack, request.project).resources}
        if missing := sorted(plan.survey.existing.keys() - held):
            message = f"the import left out {', '.join(missing)}; run adopt again, and report it if it happens again"
            raise AdoptionError(message)


def differences(project: Path, stack: str) -> list[Difference]:
    """Preview the stack and return what the next update would change.

    Raises:
        SettingsError: The preview failed; contains the reason.
    """
    document = json.loads(run_pulumi(project, "preview", "--json", "--stack", stack))
    return [
        Difference(
            op=str(step["op"]),
            resource=_called(str(step["urn"])),
            properties=tuple(_described(step.get("detailedDiff") or {})),
        )
        for step in document.get("steps") or []
        if step["op"] not in {"same", "read"} and not _is_component(step)
    ]


async def _survey_tenant(
    request: Request, draft: TenantSettings, configuration: Mapping[str, str], held: str | None, choose: Choose
) -> Survey:
    async with tenant_services(draft, configuration, project=request.project) as services:
        try:
            candidate, unread = await _candidate(request, services, draft, held, choose)
            given = _kept(request, configuration)
            found = await survey(services, draft, candidate, given=given, rewrite=request.rewrite)
            return found.noting(unread) if unread else found
        except GraphError as error:
            if error.is_forbidden:
                message = f"{error}; {_OWNERSHIP}"
                raise AdoptionError(message) from error
            raise


async def _candidate(
    request: Request, services: Services, draft: TenantSettings, held: str | None, choose: Choose
) -> tuple[Candidate, str]:
    """Return the application, and a remark if others could not be read."""
    url = draft.tenant_url
    named = request.application or held
    if named:
        return await find_named(services.graph, named, url), ""
    candidates, skipped = await find(services.graph, url)
    unread = f"skipped {skipped} application{'s' if skipped > 1 else ''} that the account may not read"
    if not candidates:
        message = (
            f"no enterprise application in Entra tenant {draft.entra_tenant_id} looks like KZero's; give it with "
            "--application, or set up the tenant with `kzero-scim tenant add` and `pulumi up`"
        )
        raise AdoptionError(f"{message}; {unread}: {_OWNERSHIP}" if skipped else message)
    return unmistakable(candidates) or choose(candidates), unread if skipped else ""


def _draft(request: Request, configuration: Mapping[str, str], secret_keys: frozenset[str]) -> TenantSettings:
    """Return the settings that are needed to connect to both sides. Who is provisioned is not known yet."""
    values = {key: configuration[key] for key in _ACCESS if configuration.get(key)}
    values |= {key: os.environ[name] for key, name in _WHERE.items() if os.environ.get(name) and key not in values}
    values |= request.where
    return TenantSettings.parse({**values, f"{NAMESPACE}:scope": "all"}, secret_keys)


def _held(stack: Stack | None, configuration: Mapping[str, str]) -> str | None:
    """Return the object ID of the service principal that the stack already adopted, None if it adopted none.

    Raises:
        AdoptionError: The stack manages a tenant that it created itself.
    """
    own = [item for item in stack.resources if not item.type.startswith("pulumi:")] if stack else []
    if stack is None or not own:
        return None
    if configuration.get(f"{NAMESPACE}:adopted") != "true":
        message = (
            f"stack {stack.name} already manages a tenant that it created ({len(own)} resources); there is "
            "nothing to adopt"
        )
        raise AdoptionError(message)
    principal = stack.find("azuread:index/servicePrincipal:ServicePrincipal")
    return str(principal.outputs["objectId"]) if principal else None


def _kept(request: Request, configuration: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that only the operator knows, by field name."""
    given: dict[str, Any] = {"test_user": request.test_user} if request.test_user else {}
    if request.users:
        given["users"] = list(request.users)
    if request.groups:
        given["groups"] = list(request.groups)
    for name in ("kzero_client_id", "kzero_username"):
        if value := configuration.get(f"{NAMESPACE}:{to_camel(name)}"):
            given[name] = value
    return given


def _says_otherwise(item: tuple[Path, str]) -> bool:
    file, text = item
    return file.exists() and file.read_text(encoding="utf-8-sig") != text


def _fields(found: Survey) -> set[str]:
    return found.settings.model_fields_set


def observed_defaults(document: Mapping[str, Any], *, keep_endpoint: bool) -> dict[str, Any]:
    """Return the defaults of the settings in an older stack file that what exists decides, not the file."""
    keys = (*_OBSERVED, *(() if keep_endpoint else _ENDPOINT))
    held = [key for key in keys if full_key(key) in _config(document)]
    return {full_key(key): FIELDS[key].default if FIELDS[key].default is not None else "" for key in held}


def _present(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig") if file.exists() else ""


def _config(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(document.get("config") or {})


def _differs(text: str, document: Mapping[str, Any]) -> bool:
    """Return whether two stack files have different settings. Pulumi itself writes ``true`` as text."""
    return stack_file.configuration_of(safe_yaml.load(text, "the new stack file")) != stack_file.configuration_of(
        document
    )


@contextlib.contextmanager
def _put_back(plan: Plan) -> Iterator[None]:
    """Restore the file and the stack if the block fails."""
    request = plan.request
    before = {file: file.read_bytes() if file.exists() else None for file in (plan.file, *plan.users)}
    state = run_pulumi(request.project, "stack", "export", "--stack", request.stack) if plan.stack_exists else None
    try:
        yield
    except BaseException as error:
        left = ""
        try:
            if state is not None:
                run_pulumi(request.project, "stack", "import", "--stack", request.stack, standard_input=state)
            elif short_name(request.stack) in stack_names(request.project):
                run_pulumi(
                    request.project, "stack", "rm", "--yes", "--force", "--preserve-config", "--stack", request.stack
                )
        except SettingsError as another:
            left = f"; restoring the stack failed too: {another}"
        for file, content in before.items():
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content)
        if isinstance(error, KzeroScimError):
            message = f"{error}; neither side was changed, and the stack and its file were restored{left}"
            raise AdoptionError(message) from error
        raise


def _called(urn: str) -> str:
    """Return a resource's kind from its URN. All resources of a tenant have the same name."""
    return urn.split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]


def _is_component(step: Mapping[str, Any]) -> bool:
    kind = str(step["urn"]).split("::")[2].rsplit("$", 1)[-1]
    return kind.startswith((f"{NAMESPACE}:", "pulumi:"))


_MARKS: Final[dict[str, Literal["+", "-", "~"]]] = {"add": "+", "delete": "-", "update": "~"}


def _described(diff: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [f"{_MARKS.get(str(change.get('kind')).split('-')[0], '~')} {path}" for path, change in diff.items()]
