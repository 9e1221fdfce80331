"""Figures and aims: pure arithmetic and text from samples. Knows neither Pulumi nor the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

from bench.memory import Memory
from kzero_scim.clients.graph.write_limit import least_seconds

Program = Literal["empty", "azuread", "tenant", "large", "huge", "adopted"]
"""An empty program, the azuread part alone, the sandbox's tenant, the same with many users, the same with very many
users, and a tenant that was set up by hand."""

Operation = Literal["up", "preview", "refresh", "destroy", "adopt"]
"""``pulumi up --yes``, ``preview`` and ``preview --refresh`` without changes, ``destroy --yes``,
and ``kzero-scim adopt --yes``."""

OWN_AGENT: Final = "kzero-scim/"
"""Prefix of the provider kzero's User-Agent. The local Entra's provisioning service has another."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """Number of HTTP requests that one command sent. An item of a Graph ``$batch`` does not count separately.

    Attributes:
        entra: The provider kzero's requests to Entra: sign-in and Graph.
        keycloak: The provider kzero's requests to KZero: sign-in, Keycloak's admin API, SCIM endpoint.
        azuread: The provider azuread's requests.
        own_logins: The provider kzero's requests for token endpoints and tokens.
        azuread_logins: The same for azuread.
        pages: The provider kzero's requests for the second and later pages of a list.
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
        seconds: Run time of the process.
        requests: The requests that were sent during the run.
        memory: The memory of its processes; None if it was not measured.
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
        """Median run time."""
        return median(sample.seconds for sample in self.samples)

    @property
    def fastest(self) -> float:
        """Shortest run time."""
        return min(sample.seconds for sample in self.samples)

    @property
    def slowest(self) -> float:
        """Longest run time."""
        return max(sample.seconds for sample in self.samples)

    @property
    def requests(self) -> Requests:
        """The requests of the sample with the most requests of the provider kzero."""
        return max((sample.requests for sample in self.samples), key=lambda requests: requests.own)

    @property
    def memory(self) -> Memory | None:
        """The memory of the sample in which engine and provider together took the most; None if it was not measured."""
        found = [sample.memory for sample in self.samples if sample.memory is not None]
        return max(found, key=lambda memory: memory.own, default=None)


Measures = Mapping[tuple[Program, Operation], Measure]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """An aim and its measured value.

    Attributes:
        name: What is measured.
        limit: The largest allowed value, or the smallest.
        measured: The measured value.
        unit: Unit of both.
        is_least: Whether the limit is a minimum.
    """

    name: str
    limit: float
    measured: float
    unit: str
    is_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the aim is met."""
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """The same as text."""
        return "met" if self.met else "not met"


def count(entra_log: Sequence[Mapping[str, Any]], kzero_log: Sequence[Mapping[str, Any]]) -> Requests:
    """Return the number of requests by sender.

    Args:
        entra_log: Log of the local Entra, from ``/sandbox/requests``.
        kzero_log: Log of the KZero front.
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
    """Return the aims with their measured values. An aim without measures is left out.

    Args:
        measures: The measures.
        azuread_wait: Seconds that azuread waits in each measured ``up`` that creates an application.
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
    # Graph's limit for writes alone takes the first part of it.
    hold(very_many, least_seconds(10_000) + 60, "s", [("huge", "up")], lambda up: up.seconds - azuread_wait)
    weighed = [memory.own for key, measure in measures.items() if key[0] == "huge" and (memory := measure.memory)]
    if weighed:
        found.append(
            Aim(name="very many users: memory of engine and provider", limit=300, measured=max(weighed), unit="MB")
        )
    return found


_Figure = Callable[..., float]


def spread(measure: Measure) -> str:
    """Return the range of a measure's samples as text: ``1.20 - 1.35``; empty for a single sample."""
    return f"{measure.fastest:.2f} - {measure.slowest:.2f}" if len(measure.samples) > 1 else ""


def amount(value: float, unit: str) -> str:
    """Return a value as text: ``1.24 x``, ``4.10 s``; memory and counts without decimals: ``262 MB``, ``12``."""
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
