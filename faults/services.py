"""Cases in which a service fails temporarily: Microsoft Graph, Entra's sign-in, and Keycloak."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from faults.cases import Case, First, key
from faults.project import Outcome
from faults.steps import (
    ADD_MAPPERS,
    ASSIGN,
    CREDENTIALS,
    ENDPOINT,
    INSTANTIATE,
    JOB,
    MAPPINGS,
    ON_DEMAND,
    PRINCIPAL,
    START,
    TEST,
    Side,
    Step,
)
from faults.world import MissedError, World

Rules = list[tuple[Side, dict[str, Any]]]
_IMPATIENT: Final = {"KZERO_SCIM_TIMEOUT": "2"}
"""Makes the product wait two seconds for an answer, instead of a minute."""
_KEYCLOAK_SECONDS: Final = 240.0


def graph() -> Iterable[Case]:
    """Return the cases of Microsoft Graph."""
    for step in (INSTANTIATE, ASSIGN, JOB, MAPPINGS):
        busy = step.fault(status=429, headers={"Retry-After": "1"}, times=2)
        yield _case("429 with Retry-After, twice", step, busy, first="succeeds")
    whole = {"method": "POST", "path": r"/\$batch$", "status": 429, "headers": {"Retry-After": "1"}}
    yield _rules("429 on a whole $batch", [("entra", whole)], first="succeeds")
    yield _case("500, twice", CREDENTIALS, CREDENTIALS.fault(status=500, times=2), first="succeeds")
    yield _case("500", JOB, JOB.fault(status=500), first="fails")
    yield _case("503, twice", MAPPINGS, MAPPINGS.fault(status=503, times=2), first="succeeds")
    yield _case("503 all the time", TEST, TEST.fault(status=503, times=None), first="fails")
    yield _case("504, though it acted", JOB, JOB.fault(status=504, when="after"))
    yield _case("504, though it acted", START, START.fault(status=504, when="after"), first="succeeds")
    for step in (JOB, MAPPINGS, START, ON_DEMAND):
        yield _case("connection reset", step, step.fault(status=0, resetConnection=True))
    for step in (INSTANTIATE, ASSIGN, JOB, CREDENTIALS):
        lost = step.fault(status=0, resetConnection=True, when="after")
        yield _case("connection reset, though it acted", step, lost)
    yield _case("hangs, once", MAPPINGS, MAPPINGS.fault(hold=True), first="succeeds", env=_IMPATIENT)
    yield _case("hangs, once", JOB, JOB.fault(hold=True), first="fails", env=_IMPATIENT)
    yield _case("hangs, though it acted", JOB, JOB.fault(hold=True, when="after"), env=_IMPATIENT)
    cut = {"method": "GET", "path": r"/schema$", "truncate": True}
    yield _rules("truncated JSON, reading the attribute mappings", [("entra", cut)])
    yield _case("truncated JSON, though it acted", JOB, JOB.fault(truncate=True))
    batch = {"method": "POST", "path": r"/\$batch$", "truncate": True, "skip": 1}
    yield _rules("truncated JSON, of a $batch", [("entra", batch)])
    yield Case(
        key="graph-404-at-first",
        what="Graph: 404 for the first reads of what was just created",
        # azuread waits up to 20 s for the application, but not for the service principal.
        disturb=_eventually,
    )
    for step in (JOB, PRINCIPAL, MAPPINGS):
        yield _case("403 that comes and goes", step, step.fault(status=403))
    for step in (JOB, MAPPINGS, ON_DEMAND):
        yield _case("access token expired", step, step.fault(status=401), first="succeeds")
    mixtures: tuple[tuple[int, First], ...] = ((503, "succeeds"), (429, "succeeds"), (403, "fails"), (400, "fails"))
    for status, first in mixtures:
        mixed = ASSIGN.fault(status=status, skip=1)
        yield _case(f"$batch with one {status}", ASSIGN, mixed, first=first)
    sign_in = {"method": "POST", "path": r"/oauth2/v2\.0/token$", "status": 503, "times": 2}
    yield _rules("sign-in to Entra answers 503, twice", [("entra", sign_in)])


def keycloak() -> Iterable[Case]:
    """Return the cases of KZero."""
    token = {"method": "POST", "path": r"/protocol/openid-connect/token$"}
    yield _case("503, twice", ENDPOINT, ENDPOINT.fault(status=503, times=2), first="succeeds")
    yield _case("503 all the time", ADD_MAPPERS, ADD_MAPPERS.fault(status=503, times=None), first="fails")
    yield _case("401", ADD_MAPPERS, ADD_MAPPERS.fault(status=401))
    yield _case("409", ADD_MAPPERS, ADD_MAPPERS.fault(status=409, body={"errorMessage": "exists"}), first="fails")
    yield _case("504, though it acted", ADD_MAPPERS, ADD_MAPPERS.fault(status=504, when="after"))
    yield _case("504, though it acted", ENDPOINT, ENDPOINT.fault(status=504, when="after"), first="succeeds")
    lost = ADD_MAPPERS.fault(status=0, resetConnection=True, when="after")
    yield _case("connection reset, though it acted", ADD_MAPPERS, lost)
    yield _case("hangs, once", ADD_MAPPERS, ADD_MAPPERS.fault(hold=True), first="fails", env=_IMPATIENT)
    cut = {"method": "GET", "path": r"/admin/realms/[^/]+/clients$", "truncate": True}
    yield _rules("truncated JSON, reading the client", [("kzero", cut)])
    yield _rules("sign-in answers 503, twice", [("kzero", {**token, "status": 503, "times": 2})], first="succeeds")
    for step in (ENDPOINT, ADD_MAPPERS):
        yield Case(
            key=key("kzero", "restarts", step.name),
            what=f"Keycloak restarts at {step.name}",
            disturb=_restarting(step),
        )


def _case(
    kind: str, step: Step, fault: dict[str, Any], *, first: First = "either", env: dict[str, str] | None = None
) -> Case:
    return _rules(f"{kind}, at {step.name}", [(step.side, fault)], first=first, env=env)


def _rules(what: str, rules: Rules, *, first: First = "either", env: dict[str, str] | None = None) -> Case:
    side = "Graph" if rules[0][0] == "entra" else "KZero"
    return Case(key=key(side, what), what=f"{side}: {what}", disturb=_failing(rules, env or {}), first=first)


def _failing(rules: Rules, env: dict[str, str]) -> Callable[[World], Outcome]:
    def disturb(world: World) -> Outcome:
        faults = [(side, world.switch_on(side, rule)[0]) for side, rule in rules]
        outcome = world.project.run(*world.project.up_words(), env=env)
        unmet = [fault for side, fault in faults if not world.seen(side, fault)]
        if unmet:
            message = f"no request matched {', '.join(unmet)}: {outcome.text}"
            raise MissedError(message)
        return outcome

    return disturb


def _eventually(world: World) -> Outcome:
    world.tenant.entra.patch("/sandbox/settings", json={"consistencyReads": 3}).raise_for_status()
    return world.project.up()


def _restarting(step: Step) -> Callable[[World], Outcome]:
    def disturb(world: World) -> Outcome:
        [fault] = world.switch_on(step.side, step.fault(hold=True))
        problems: list[Exception] = []

        def restart() -> None:
            try:
                answer = world.tenant.kzero.post("/sandbox/keycloak/restart", timeout=_KEYCLOAK_SECONDS)
                answer.raise_for_status()
            except Exception as error:  # noqa: BLE001 - raised below
                problems.append(error)

        thread = threading.Thread(target=restart)
        with world.project.started(*world.project.up_words()) as running:
            world.until_held(step.side, fault, running)
            thread.start()
            thread.join(0.5)
            world.clear()
            outcome = running.end()
        thread.join()
        if problems:
            raise problems[0]
        return outcome

    return disturb
