"""Tests of which enterprise application is KZero's."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.tenant.adopt.candidates import Candidate, Job, order, unmistakable

JOB = Job(id="scim.x", template="scim", state="Active")


def candidate(name: str, *, job: bool = True, url: str | None = None) -> Candidate:
    """Return an application."""
    return Candidate(
        service_principal_id=name, application_id=name, name=name, jobs=(JOB,) if job else (), tenant_url=url
    )


NAMED = candidate("KZero Passwordless SCIM")
PILOT = candidate("K-Zero pilot")
SIGN_ON = candidate("KZero sign-on", job=False)
OTHER = candidate("Payroll")


def test_the_likeliest_comes_first() -> None:
    """A Tenant URL ranks above a name with a job, then a name only, then a job only."""
    shown = candidate("Anything", url="https://ca.auth.kzero.com/realms/Fabrikam/scim/v2")

    assert order([OTHER, SIGN_ON, PILOT, NAMED, shown]) == [shown, NAMED, PILOT, SIGN_ON, OTHER]


def test_the_one_named_for_kzero_is_taken() -> None:
    """An application with name and job is chosen although others have only one of the two."""
    assert unmistakable([OTHER, SIGN_ON, NAMED]) == NAMED


def test_two_of_a_rank_are_doubtful() -> None:
    """If two applications have name and job, the operator must choose."""
    assert unmistakable([NAMED, PILOT]) is None


def test_a_job_alone_is_never_enough() -> None:
    """An application with only a job is never chosen, because it may provision something else."""
    assert unmistakable([OTHER]) is None
    assert unmistakable([]) is None


@given(st.permutations([NAMED, PILOT, SIGN_ON, OTHER]))
def test_the_order_does_not_depend_on_how_graph_lists_them(listed: list[Candidate]) -> None:
    """The order does not depend on Graph's order."""
    assert order(listed) == order(sorted(listed, key=lambda _: random.random()))  # noqa: S311 - no secret
    assert unmistakable(listed) is None


def test_the_evidence_says_what_speaks_for_it() -> None:
    """The evidence distinguishes applications in words."""
    assert NAMED.evidence == "named for KZero, 1 provisioning job"
    assert SIGN_ON.evidence == "named for KZero, no job"
