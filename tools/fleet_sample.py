"""A made-up fleet of any size, always the same, with tenants in every state that the fleet's page shows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.guide.checklist import ITEMS, Item
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport

NOW = datetime(2026, 3, 12, 7, 30, tzinfo=UTC)
"""The time at which the page is opened."""
_NAMES = ("adatum", "contoso", "fabrikam", "litware", "northwind", "proseware", "tailspin", "wingtip", "woodgrove")
_SITES = ("berlin", "eu", "labs", "north", "oslo", "retail", "south", "us")


def at(hours: float) -> str:
    """Return the time that many hours before `NOW`, in ISO 8601."""
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of(number: int) -> str:
    """Return a tenant's name."""
    return f"{_NAMES[number % len(_NAMES)]}-{_SITES[number // len(_NAMES) % len(_SITES)]}-{number + 1:03}"


def tag_added() -> list[ResourceChange]:
    """Return the change that many tenants have in common."""
    mapper = PropertyChange(property="mappers.tag", kind="add", was=None, now={"claim": "tag", "attribute": "tag"})
    return [ResourceChange(resource="MapperSet", name="mappers", operation="update", properties=[mapper])]


def healthy_fleet(tenants: int) -> list[FleetRun]:
    """Return one status run of a fleet without problems."""
    results = [_status(number, "healthy", random.Random(number)) for number in range(tenants)]  # noqa: S311 - a sample
    return [_run(Command.STATUS, 0.1, results)]


def mixed_fleet(tenants: int) -> list[FleetRun]:
    """Return a drift run, a preview and a status run, in which known tenants have known states.

    In each group of 40 tenants, tenant 4 is in quarantine, 7 has drifted, 10 failed, 12 timed out, 15 has users in
    error, and 18 was not run. Tenant 20 has drifted, is in quarantine and has pending changes. Tenant 33 has drifted.
    Every third of the others has the same pending change.
    """
    dice = random.Random(5)  # noqa: S311 - a sample
    words = {4: "quarantine", 15: "errors", 20: "quarantine"}
    previewed, swept, looked = [], [], []
    for number in range(tenants):
        special = number % 40
        base: dict[str, Any] = {"tenant": name_of(number), "tags": _tags(number)}
        looked.append(_status(number, words.get(special, "healthy"), random.Random(number)))  # noqa: S311 - a sample
        drift = _drift(number) if special in (7, 20, 33) else []
        outcome = Outcome.DRIFTED if drift else Outcome.UNCHANGED
        swept.append(TenantResult(**base, outcome=outcome, drift=drift, seconds=dice.uniform(0.2, 1)))
        log = f".kzero-scim/logs/{name_of(number)}.log"
        if special == 10:
            error = (
                "MapperSet scim-endpoint: cannot read the realm: 403 Forbidden (the service account lacks "
                "manage-clients of realm-management); assign the role and run it again"
            )
            previewed.append(TenantResult(**base, outcome=Outcome.FAILED, error=error, seconds=3.2, log=log))
        elif special == 12:
            error = "stopped after 300 s while waiting for Graph: GET /servicePrincipals"
            previewed.append(TenantResult(**base, outcome=Outcome.TIMED_OUT, error=error, seconds=300, log=log))
        elif special == 18:
            error = "interrupted"
            previewed.append(TenantResult(**base, outcome=Outcome.NOT_RUN, error=error))
        else:
            changes = tag_added() if number % 3 == 0 or special == 20 else []
            outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
            took = dice.uniform(2, 6)
            previewed.append(TenantResult(**base, outcome=outcome, changes=changes, seconds=took, log=log))
    return [
        _run(Command.DRIFT, 5.2, swept),
        _run(
            Command.PREVIEW,
            1.4,
            previewed,
            commit="3f9c1ab27d0e4c55b8a1f6d2e9c07b4a5d6e8f90",  # pragma: allowlist secret
        ),
        _run(Command.STATUS, 0.2, looked),
    ]


def cycles(dice: random.Random, states: str) -> list[dict[str, Any]]:
    """Return provisioning cycles, oldest first.

    Args:
        dice: Source of the numbers.
        states: One letter for each cycle: s(ucceeded), e(rrors), f(ailed).
    """
    words = {"s": "Succeeded", "e": "EntryLevelErrors", "f": "Failed"}
    return [
        {
            "ended": at((len(states) - place) * 2 / 3),
            "state": words[letter],
            "exported": 0 if letter == "f" else dice.choice((0, 0, 1, 2, 5, 14)),
            "escrowed": dice.choice((1, 2, 3)) if letter == "e" else 0,
        }
        for place, letter in enumerate(states)
    ]


def _status(number: int, word: str, dice: random.Random) -> TenantResult:
    name = name_of(number)
    history = {"quarantine": "ssssseeffffff", "errors": "sssssssseeee"}.get(word, "ssssessssssssss")
    past = cycles(dice, history)
    last = {**past[-1], "counts": {name: past[-1][name] for name in ("exported", "escrowed")}}
    document: dict[str, Any] = {
        "status": word,
        "wanted": True,
        "scheduleState": "Active",
        "lastCycle": last,
        "synchronizedEntries": {"User": dice.randrange(20, 4000), "Group": dice.randrange(0, 40)},
        "cycles": past,
        "inError": [],
        "note": "",
    }
    if word == "quarantine":
        document["quarantine"] = {
            "reason": "EncounteredQuarantineException",
            "began": at(52),
            "seriesBegan": at(52),
            "nextAttempt": at(-3),
            "errorCode": "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
            "errorMessage": "The endpoint answered 401 Unauthorized to GET /Users",
            "whatToDo": "Entra could not use the endpoint; fix the cause, then run `pulumi up --refresh` to test the "
            "connection and continue provisioning",
        }
    if word == "errors":
        document["inError"] = [
            {
                "name": f"{person}@{name}.example",
                "kind": "User",
                "id": f"00000000-0000-0000-0000-{number:012}",
                "action": "create",
                "code": "DuplicateTargetEntries",
                "message": "Two users in the target have the same value of userName",
                "at": at(3),
            }
            for person in ("alex", "kim", "robin")
        ]
    points = [
        Item(item, passed=word != "quarantine" or place != 5, evidence=_evidence(name, place, word))
        for place, item in enumerate(ITEMS)
    ]
    bad = word in ("quarantine", "errors")
    return TenantResult(
        tenant=name,
        outcome=Outcome.UNHEALTHY if bad else Outcome.UNCHANGED,
        tags=_tags(number),
        status=StatusReport.from_document(document),
        checklist=points,
        seconds=0.4,
        portals={
            "provisioning": f"https://portal.azure.example/{name}/provisioning",
            "kzeroAdvancedConsole": f"https://kzero.example/admin/{name}/console/",
        },
    )


def _evidence(name: str, place: int, word: str) -> str:
    evidence = (
        f"https://kzero.example/realms/{name}/scim/v2 answered 401: it is enabled and requires a token",
        "7 mappers and 7 rows in Entra",
        f'"KZero {name}", service principal 11111111-1111-1111-1111-111111111111',
        "2 groups",
        "scheduled, every 40 minutes",
        "the endpoint answered 401 Unauthorized" if word == "quarantine" else f"passed at {at(30)}",
        f"test.user@{name}.example is in KZero, 7 attributes as in Entra",
    )
    return evidence[place]


def _tags(number: int) -> list[str]:
    tags = ["canary"] if number % 20 == 0 else []
    return [*tags, ("emea", "amer", "apac")[number % 3]]


def _drift(number: int) -> list[Difference]:
    admin = f"admin@{name_of(number)}.example"
    return [
        Difference(
            resource="MapperSet",
            property="mappers.email.claim",
            was="emails[0].value",
            now="email",
            who=admin,
            when=at(9),
        ),
        Difference(resource="ProvisioningStatus", property="enabled", was=True, now=False),
    ][: 2 if number % 2 else 1]


def _run(command: Command, hours: float, results: list[TenantResult], commit: str = "") -> FleetRun:
    return FleetRun(
        command=command, project="kzero-scim", began=at(hours + 0.1), ended=at(hours), commit=commit, results=results
    )
