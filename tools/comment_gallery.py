"""Generates the example comments of ``docs/comments/`` from made-up fleet runs.

``make generate`` writes the pages, and a test compares them with the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_scim.entra.synchronization_job import Quarantine
from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.report.comment import LIMITS, render_comment
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport

FOLDER: Final = Path(__file__).parents[1] / "docs" / "comments"
_TAG: Final = {
    "userAttribute": "extensionAttribute1",
    "claim": "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag",
    "claimJsonType": "String",
}
_NAMES: Final = ("adatum", "alpine", "bellows", "contoso", "fabrikam", "graphic", "humongous", "litware", "margie")
_KINDS: Final = (
    "ScimEndpoint",
    "MapperSet",
    "ApplicationFromTemplate",
    "ServicePrincipal",
    "AppRoleAssignments",
    "ProvisionedUsers",
    "SynchronizationJob",
    "SynchronizationCredentials",
    "AttributeMappings",
    "ConnectionTest",
    "ProvisioningStatus",
    "OnDemandProvisioning",
)
_UNKNOWN: Final = "(not known yet)"


@dataclass(frozen=True, kw_only=True)
class Example:
    """One page of the gallery."""

    title: str
    run: FleetRun
    limit: int = LIMITS["github"]
    link: str = ""

    @property
    def comment(self) -> str:
        """The text of the comment."""
        return render_comment(self.run, self.limit, link=self.link)


def run_of(
    command: Command, results: Sequence[TenantResult], minutes: int = 3, project: str = "kzero-scim"
) -> FleetRun:
    """Return a run with these results."""
    return FleetRun(
        command=command,
        project=project,
        began="2026-11-24T03:00:00Z",
        ended=f"2026-11-24T03:{minutes:02}:12Z",
        commit="5d3c1f0a9b7e4f62a1c8d05b3e9f7264c1a0be11",  # pragma: allowlist secret
        results=sorted(results, key=lambda result: result.tenant),
    )


def names_of(number: int) -> list[str]:
    """Return names for this number of tenants."""
    return [f"{_NAMES[place % len(_NAMES)]}-{place // len(_NAMES) + 1:02}" for place in range(number)]


def _result(tenant: str, outcome: Outcome, **more: Any) -> TenantResult:  # noqa: ANN401 - its fields
    own = [tenant.title(), f"{tenant}.example"]
    log = "" if outcome in {Outcome.NOT_RUN, Outcome.UNHEALTHY} else f".kzero-scim/logs/{tenant}.log"
    return TenantResult(tenant=tenant, outcome=outcome, seconds=4.5, log=log, names=own, **more)


def unchanged(tenants: Sequence[str]) -> list[TenantResult]:
    """Return results of unchanged tenants."""
    return [_result(tenant, Outcome.UNCHANGED) for tenant in tenants]


def changed(tenant: str, *changes: ResourceChange, **more: Any) -> TenantResult:  # noqa: ANN401 - its fields
    """Return the result of a changed tenant."""
    return _result(tenant, Outcome.CHANGED, changes=list(changes), **more)


def failed(tenant: str, error: str, *applied: ResourceChange) -> TenantResult:
    """Return the result of a failed tenant."""
    return _result(tenant, Outcome.FAILED, error=error, changes=list(applied))


def change(resource: str, *properties: PropertyChange, operation: str = "update") -> ResourceChange:
    """Return the change of one resource."""
    return ResourceChange(resource=resource, name="tenant", operation=operation, properties=list(properties))


def prop(path: str, was: Any = None, now: Any = None, kind: str = "") -> PropertyChange:  # noqa: ANN401 - any JSON
    """Return the change of one property."""
    guessed = "add" if was is None else "delete" if now is None else "update"
    return PropertyChange(property=path, kind=kind or guessed, was=was, now=now)


def _tag_added(tenant: str) -> TenantResult:
    return changed(
        tenant,
        change("MapperSet", prop("mappers.tag", None, _TAG)),
        change("ConnectionTest", prop("triggers.endpoint", "ab" * 32, _UNKNOWN)),
    )


def _one_tenant() -> FleetRun:
    one = changed(
        "fabrikam",
        change(
            "AppRoleAssignments",
            *(prop(f"users[{place}]", None, f"{user}@fabrikam.example") for place, user in enumerate(("alex", "kim"))),
            prop("users[7]", "robin@fabrikam.example"),
        ),
        change(
            "SynchronizationCredentials",
            prop("notificationEmail", "it@fabrikam.example", "identity@fabrikam.example"),
            prop("secretToken", "(secret)", "(secret)"),
        ),
        change("ConnectionTest", prop("triggers.credentials", "ab" * 32, _UNKNOWN)),
        change("ProvisioningStatus", prop("triggers.credentials", "ab" * 32, _UNKNOWN)),
        warnings=["AppRoleAssignments tenant: robin@fabrikam.example loses access; KZero disables the account"],
    )
    return run_of(Command.PREVIEW, [one], minutes=0)


def _typical() -> FleetRun:
    names = names_of(60)
    return run_of(
        Command.PREVIEW,
        [
            *(_tag_added(tenant) for tenant in names[:37]),
            changed(
                names[37], change("SynchronizationCredentials", prop("deletionThreshold", 25, 100)),
                change("ProvisioningStatus", prop("triggers.credentials", "ab" * 32, _UNKNOWN)),
            ),
            changed(
                names[38],
                change(
                    "AttributeMappings",
                    prop('rows["name.givenName"].source', "[givenName]", "Trim([givenName])"),
                ),
            ),
            failed(
                names[39],
                "kzero-scim:users: there is no user lee@contoso-05.example in the Entra tenant; correct the name in "
                "stacks/Pulumi.contoso-05.yaml, or create the user first",
            ),
            *unchanged(names[40:]),
        ],
    )  # fmt: skip


def _thousand() -> FleetRun:
    names = names_of(1000)
    groups = [
        changed(
            tenant,
            change("AppRoleAssignments", prop("users[0]", None, f"newcomer-{place}@{tenant}.example")),
            change(
                "AttributeMappings",
                prop("rows.displayName.source", "[displayName]", f'Join(" ", [givenName], [surname], "{place}")'),
            ),
        )
        for place, tenant in enumerate(names[20:320])
    ]
    return run_of(
        Command.PREVIEW,
        [
            *(
                failed(
                    tenant,
                    f"cannot read the application of {tenant}.example: Graph answered 403 Authorization_RequestDenied: "
                    "Insufficient privileges to complete the operation; grant Application.Read.All with admin consent",
                )
                for tenant in names[:18]
            ),
            failed(names[18], "stacks/Pulumi.adatum-03.yaml: kzero-scim:kzeroTenant is missing; give the realm's name"),
            changed(names[19], change("ApplicationFromTemplate", operation="delete")),
            *groups,
            *(_tag_added(tenant) for tenant in names[320:900]),
            *unchanged(names[900:]),
        ],
        minutes=41,
    )


def _risky() -> FleetRun:
    names = names_of(12)
    principal = "2fa1d8f0-6a37-4c43-9b7e-0d8f5b1f2a{:02}"
    return run_of(
        Command.PREVIEW,
        [
            *(
                changed(
                    tenant,
                    change(
                        "ApplicationFromTemplate",
                        prop("templateId", principal.format(10), principal.format(20), "replace"),
                        operation="replace",
                    ),
                    change(
                        "AppRoleAssignments",
                        prop("servicePrincipalId", principal.format(place + 30), _UNKNOWN, "replace"),
                        operation="replace",
                    ),
                )
                for place, tenant in enumerate(names[:2])
            ),
            changed(
                names[2],
                change(
                    "AppRoleAssignments",
                    *(prop(f"users[{place}]", f"user-{place:02}@bellows-01.example") for place in range(14)),
                    prop("groups[1]", "Sales & Service"),
                ),
            ),
            changed(names[3], change("SynchronizationCredentials", prop("scope", "assigned", "all"))),
            changed(names[4], change("ProvisioningStatus", prop("enabled", was=True, now=False))),
            *(_tag_added(tenant) for tenant in names[5:8]),
            *unchanged(names[8:]),
        ],
    )


def _drift() -> FleetRun:
    names = names_of(30)

    def drifted(tenant: str, *differences: Difference) -> TenantResult:
        return _result(tenant, Outcome.DRIFTED, drift=list(differences))

    paused = [
        drifted(
            tenant,
            Difference(
                resource="ProvisioningStatus",
                property="enabled",
                was=True,
                now=False,
                who=f"admin@{tenant}.example",
                when="2026-11-23T16:02:44Z",
            ),
        )
        for tenant in names[:5]
    ]
    return run_of(
        Command.DRIFT,
        [
            *paused,
            drifted(
                names[5],
                Difference(
                    resource="MapperSet", property="mappers.email.userAttribute", was="email", now="mail", who="kim"
                ),
                Difference(resource="MapperSet", property="mappers.tag", was=_TAG, now=None, who="kim"),
            ),
            drifted(names[6], Difference(resource="SynchronizationJob", property="", was="exists", now=None)),
            failed(names[7], "cannot ask KZero at https://kzero.example: the certificate has expired; renew it"),
            *unchanged(names[8:]),
        ],
        minutes=0,
    )


def _hostile() -> FleetRun:
    bidi = "user\u202egnp.exe"
    return run_of(
        Command.PREVIEW,
        [
            changed(
                "@everyone #1 <!-- `x`",
                change(
                    "MapperSet",
                    prop("mappers.</details> ``` @org/team", None, "```\n</details>\n# Approved by @security ![x](y)"),
                    prop(f"mappers.{bidi}", "<script>alert(1)</script>", None),
                ),
                warnings=["![image](https://attacker.example/x.png) [approve](javascript:alert(1)) closes #17"],
            ),
            failed("-->`<b>", "``` \n\n# All good, merge this\n\n</summary></details><!-- @owner \x1b[2J\x00"),
        ],
        project="--> @all `p`",
    )


def _first() -> FleetRun:
    created = [change(kind, operation="create") for kind in _KINDS]
    names = names_of(5)
    return run_of(
        Command.PREVIEW,
        [
            *(changed(tenant, *created) for tenant in names[:2]),
            changed(
                names[2],
                *created,
                warnings=[
                    "no secret token is given: Entra issues its own, which Microsoft recommends for testing only"
                ],
            ),
            *unchanged(names[3:]),
        ],
    )


def _canary() -> FleetRun:
    names = names_of(40)
    return run_of(
        Command.UP,
        [
            _tag_added(names[0]),
            failed(
                names[1],
                "MapperSet tenant: cannot add mapper tag to client scim-endpoint of realm Alpine-01: Keycloak answered "
                "403; give client kzero-scim the role manage-clients of realm-management",
                change("ScimEndpoint", prop("profile", "Generic", "Azure")),
            ),
            _result(names[2], Outcome.TIMED_OUT, error="stopped after 600 s; the next up continues where it stopped"),
            *(
                _result(tenant, Outcome.NOT_RUN, error="a tenant of the canary failed, so that the rest was not begun")
                for tenant in names[3:]
            ),
        ],
        minutes=11,
    )


def _unhealthy() -> FleetRun:
    names = names_of(9)
    quarantine = Quarantine(
        reason="EncounteredQuarantineException",
        error_code="InvalidCredentials",
        error_message="The SCIM endpoint answered 401",
        what_to_do="correct the secret token, then `pulumi up`",
    )
    users = {"status": "errors", "inError": [{}, {}, {}]}
    return run_of(
        Command.STATUS,
        [
            *(
                _result(tenant, Outcome.UNHEALTHY, status=StatusReport(status="quarantine", quarantine=quarantine))
                for tenant in names[:2]
            ),
            _result(names[2], Outcome.UNHEALTHY, status=StatusReport.from_document(users)),
            _result(names[3], Outcome.UNHEALTHY, status=StatusReport(status="paused")),
            *unchanged(names[4:]),
        ],
        minutes=0,
    )


EXAMPLES: Final = {
    "no-change": Example(title="No change", run=run_of(Command.PREVIEW, unchanged(names_of(120)))),
    "no-tenant": Example(title="No tenant selected", run=run_of(Command.PREVIEW, [], minutes=0)),
    "one-tenant": Example(title="One tenant", run=_one_tenant()),
    "typical": Example(title="37 tenants with the same change, two others, one failure", run=_typical()),
    "risk": Example(title="A replacement, lost access, a wider scope", run=_risky()),
    "first-set-up": Example(title="First set-up of tenants", run=_first()),
    "thousand": Example(
        title="A thousand tenants, shortened to GitHub's limit", run=_thousand(), link="https://ci.example/runs/4711"
    ),
    "canary-failed": Example(title="An update whose canary failed, with the other tenants skipped", run=_canary()),
    "drift": Example(title="Drift found at night", run=_drift()),
    "unhealthy": Example(title="A status with a quarantine and users in error", run=_unhealthy()),
    "hostile": Example(title="Names that try to inject Markdown", run=_hostile()),
}
"""Examples by file name, in the order of the index."""


def index() -> str:
    """Return the text of docs/comments/README.md."""
    lines = [
        "# Example comments",
        "",
        "Each page shows a comment that `kzero-scim fleet ... --comment FILE` writes for a pull request.",
        "`make generate` generates the pages from made-up runs, and a test compares them.",
        "",
        *(f"- [{example.title}]({name}.md)" for name, example in EXAMPLES.items()),
    ]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return the text of each file by name."""
    return {"README.md": index(), **{f"{name}.md": example.comment for name, example in EXAMPLES.items()}}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
