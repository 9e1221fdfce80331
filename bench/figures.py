"""Figures and aims: pure arithmetic and wording over samples. Knows neither Pulumi nor the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

from bench.memory import Memory

Program = Literal["empty", "azuread", "tenant", "large", "huge", "adopted"]
"""An empty program, the azuread part alone, the sandbox's tenant, that with many users, that with very many, and one
that was set up by hand."""

Operation = Literal["up", "preview", "refresh", "destroy", "adopt"]
"""``pulumi up --yes``, ``preview``, ``preview --refresh`` and ``destroy --yes``, where the two previews change nothing,
and ``kzero-scim adopt --yes``."""

OWN_AGENT: Final = "kzero-scim/"
"""How the User-Agent of the provider kzero begins; that of the local Entra's provisioning service does not."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """How many HTTP requests one command sent; an item of a Graph ``$batch`` is none of its own.

    Attributes:
        entra: The provider kzero to Entra: sign-in and Graph.
        keycloak: The provider kzero to KZero: sign-in, Keycloak's admin API, SCIM endpoint.
        azuread: The provider azuread.
        own_logins: Those of the provider kzero that find a token endpoint or get a token.
        azuread_logins: The same for azuread.
        pages: Those of the provider kzero that fetch a list's second or a later page.
    """

    entra: int = 0
    keycloak: int = 0
    azuread: int = 0
    own_logins: int = 0
    azuread_logins: int = 0
    pages: int = 0

    @property
    def own(self) -> int:
        """All requests of the provider kzero."""
        return self.entra + self.keycloak


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of one command.

    Attributes:
        seconds: From start to end of the process.
        requests: Those that were sent meanwhile.
        memory: What the processes took, where that was looked at.
    """

    seconds: float
    requests: Requests
    memory: Memory | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One command of one program, run several times."""

    program: Program
    operation: Operation
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return median(sample.seconds for sample in self.samples)

    @property
    def fastest(self) -> float:
        """The least seconds of any sample."""
        return min(sample.seconds for sample in self.samples)

    @property
    def slowest(self) -> float:
        """The most seconds of any sample."""
        return max(sample.seconds for sample in self.samples)

    @property
    def requests(self) -> Requests:
        """Those of the sample with the most requests of the provider kzero."""
        return max((sample.requests for sample in self.samples), key=lambda requests: requests.own)

    @property
    def memory(self) -> Memory | None:
        """That of the sample in which engine and provider took most; None where it was not looked at."""
        found = [sample.memory for sample in self.samples if sample.memory is not None]
        return max(found, key=lambda memory: memory.own, default=None)


Measures = Mapping[tuple[Program, Operation], Measure]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One aim, and what was measured.

    Attributes:
        name: What is meant.
        limit: The most it may be, or the least.
        measured: What it is.
        unit: Of both.
        is_least: Whether it is to be at least that.
    """

    name: str
    limit: float
    measured: float
    unit: str
    is_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is met."""
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """The same in words."""
        return "met" if self.met else "not met"


def count(entra_log: Sequence[Mapping[str, Any]], kzero_log: Sequence[Mapping[str, Any]]) -> Requests:
    """Count requests by sender.

    Args:
        entra_log: What the local Entra's ``/sandbox/requests`` says.
        kzero_log: What the KZero front's says.
    """
    graph = [entry for entry in entra_log if not entry["batch"]]
    own = [entry for entry in graph if _agent(entry).startswith(OWN_AGENT)]
    others = [entry for entry in graph if not _agent(entry).startswith(OWN_AGENT)]
    keycloak = [entry for entry in kzero_log if _agent(entry).startswith(OWN_AGENT)]
    return Requests(
        entra=len(own),
        keycloak=len(keycloak),
        azuread=len(others),
        own_logins=sum(map(_is_login, [*own, *keycloak])),
        azuread_logins=sum(map(_is_login, others)),
        pages=sum("skiptoken" in entry["query"].casefold() for entry in own),
    )


def aims(measures: Measures, *, azuread_wait: float) -> list[Aim]:
    """Hold measures to the aims; an aim whose measures are missing is left out.

    Args:
        measures: What was measured.
        azuread_wait: Seconds that azuread waits by itself within each measured ``up`` with an application.
    """
    found: list[Aim] = []

    def hold(name: str, limit: float, unit: str, needed: Sequence[tuple[Program, Operation]], of: _Figure) -> None:
        if all(key in measures for key in needed):
            found.append(Aim(name=name, limit=limit, measured=of(*(measures[key] for key in needed)), unit=unit))

    hold(
        "no-op preview, times the azuread part alone",
        1.3,
        "x",
        [("tenant", "preview"), ("azuread", "preview")],
        lambda tenant, azuread: tenant.seconds / azuread.seconds,
    )
    hold("first up, above azuread's wait", 6, "s", [("tenant", "up")], lambda up: up.seconds - azuread_wait)
    hold("destroy", 5, "s", [("tenant", "destroy")], _seconds)
    hold("no-op refresh, requests of kzero", 15, "", [("tenant", "refresh")], _requests_but_pages)
    hold("many users: first up, above azuread's wait", 15, "s", [("large", "up")], lambda up: up.seconds - azuread_wait)
    hold("many users: no-op preview", 1.5, "s", [("large", "preview")], _seconds)
    hold("many users: no-op refresh", 2.5, "s", [("large", "refresh")], _seconds)
    hold("many users: no-op refresh, requests of kzero", 15, "", [("large", "refresh")], _requests_but_pages)
    hold("many users: adopt", 20, "s", [("adopted", "adopt")], _seconds)
    very_many = "very many users: first up, above azuread's wait"
    hold(very_many, 60, "s", [("huge", "up")], lambda up: up.seconds - azuread_wait)
    weighed = [memory.own for key, measure in measures.items() if key[0] == "huge" and (memory := measure.memory)]
    if weighed:
        found.append(
            Aim(name="very many users: memory of engine and provider", limit=300, measured=max(weighed), unit="MB")
        )
    return found


_Figure = Callable[..., float]


def spread(measure: Measure) -> str:
    """Word the range of a measure's samples: ``1.20 - 1.35``; nothing for a single one."""
    return f"{measure.fastest:.2f} - {measure.slowest:.2f}" if len(measure.samples) > 1 else ""


def amount(value: float, unit: str) -> str:
    """Word a figure: ``1.24 x``, ``4.10 s``, and memory and counts without decimals: ``262 MB``, ``12``."""
    return f"{value:.2f} {unit}" if unit in {"x", "s"} else f"{value:.0f} {unit}".strip()


def _seconds(measure: Measure) -> float:
    return measure.seconds


def _requests_but_pages(measure: Measure) -> float:
    return measure.requests.own - measure.requests.pages


def _agent(entry: Mapping[str, Any]) -> str:
    return entry.get("userAgent") or entry.get("user_agent") or ""


def _is_login(entry: Mapping[str, Any]) -> bool:
    path: str = entry["path"]
    return path.endswith(("/token", "/openid-configuration", "/metadata/endpoints", "/discovery/instance"))
