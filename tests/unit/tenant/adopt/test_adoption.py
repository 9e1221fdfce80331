"""Tests of adopt with an older stack file: existing objects decide, and other settings stay."""

from __future__ import annotations

from kzero_scim.stack import safe_yaml, stack_file
from kzero_scim.tenant.adopt.adoption import observed_defaults

_OLDER = """\
# Fabrikam
encryptionsalt: v1:salt=
config:
  azuread:tenantId: 00000000-0000-4000-8000-0000000000aa
  kzero-scim:kzeroTenant: "Fabrikam"
  # set by hand, ticket 7
  kzero-scim:assignmentsExclusive: true
  # the list of last year
  kzero-scim:users:
    - old@fabrikam.example
  kzero-scim:kzeroClientSecret:
    secure: v1:abc
  # who is on call
  kzero-scim:notificationEmail: it@fabrikam.example # until May
  kzero-scim:activation: attributes
"""


def test_what_exists_decides_and_comments_stay() -> None:
    """Settings from existing objects return to their defaults in place, and comments stay."""
    found = {"kzero-scim:kzeroTenant": "Fabrikam", "kzero-scim:groups": ["KZero users"], "kzero-scim:adopted": True}

    text = stack_file.render(observed_defaults(safe_yaml.load(_OLDER, "x"), keep_endpoint=True) | found, present=_OLDER)

    assert text == _OLDER.replace("assignmentsExclusive: true", "assignmentsExclusive: false").replace(
        "users:\n    - old@fabrikam.example\n", "users: []\n"
    ).replace(
        "activation: attributes\n",
        "activation: attributes\n  kzero-scim:groups:\n    - KZero users\n  kzero-scim:adopted: true\n",
    )


def test_the_endpoints_settings_are_reset_where_they_were_seen() -> None:
    """The endpoint's settings stay if the endpoint could not be read."""
    document = safe_yaml.load(_OLDER, "x")

    assert "kzero-scim:activation" not in observed_defaults(document, keep_endpoint=True)
    assert observed_defaults(document, keep_endpoint=False)["kzero-scim:activation"] == "console"
