"""A stack file contains the settings, whatever their values are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack import safe_yaml, stack_file, yaml_writer

TENANT = "00000000-0000-4000-8000-0000000000aa"


def _name(attribute: Any) -> str:  # noqa: ANN401 - hypothesis types a fixed dictionary by its values alone
    return str(attribute["name"]).casefold()


# Without backslashes, which may not end a name, without characters that reverse the reading direction, and without
# surrogates and line breaks, which are not allowed. Settings lose the spaces around a text.
_REVERSING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\\" + _REVERSING),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() == text)
_names = st.lists(_text, max_size=3, unique_by=str.casefold)
_mappers = st.dictionaries(
    _text,
    st.fixed_dictionaries(
        {
            "user_attribute": _text,
            "claim": _text,
            "claim_json_type": st.sampled_from(["String", "boolean", "JSON"]),
            "id_token": st.booleans(),
            "multivalued": st.booleans(),
        }
    ),
    max_size=3,
).filter(lambda mappers: len({mapper["claim"] for mapper in mappers.values()}) == len(mappers))
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "target": _text,
            "source": _text,
            "default_value": st.none() | _text,
            "matching_priority": st.integers(1, 9),
            "flow_type": st.sampled_from(["Always", "ObjectAddOnly"]),
        }
    ),
    max_size=3,
    unique_by=lambda row: str(row["target"]).casefold(),
)
_settings = st.fixed_dictionaries(
    {
        "entra_tenant_id": st.just(TENANT),
        "kzero_tenant": st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,11}", fullmatch=True),
        "scope": st.just("all"),
        "application_name": _text,
        "users": _names,
        "groups": _names,
        "mappers": _mappers,
        "attribute_mappings": _rows,
        "custom_attributes": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.from_regex(
                        r"urn:ietf:params:scim:schemas:extension:[a-z]{1,5}:2\.0:User:[a-z]{1,5}", fullmatch=True
                    ),
                    "type": st.sampled_from(["String", "Boolean"]),
                }
            ),
            max_size=2,
            unique_by=_name,
        ),
        "deletion_threshold": st.none() | st.integers(1, 1000),
        "test_user": st.none() | _text,
        "provisioning": st.booleans(),
        "provision_groups": st.booleans(),
        "adopted": st.booleans(),
        "lockout_guard": st.sampled_from(["off", "warn", "require"]),
    }
).map(lambda values: TenantSettings.model_validate(values, by_name=True))


def _read(text: str) -> TenantSettings:
    return TenantSettings.parse(stack_file.configuration_of(safe_yaml.load(text, "x")))


@given(settings=_settings)
def test_written_settings_are_read_back(settings: TenantSettings) -> None:
    """Written settings are read back unchanged, with any text in names, claims and targets."""
    assert _read(stack_file.render(stack_file.entries(settings))) == settings


def test_only_differences_from_the_defaults_are_written() -> None:
    """The file contains the tenant's location and the settings that differ from the defaults."""
    settings = TenantSettings.model_validate(
        {"entra_tenant_id": TENANT, "kzero_tenant": "Fabrikam", "groups": ["KZero users"], "adopted": True}
    )

    assert stack_file.entries(settings) == {
        "azuread:tenantId": TENANT,
        "kzero-scim:kzeroTenant": "Fabrikam",
        "kzero-scim:kzeroServerUrl": "https://ca.auth.kzero.com",
        "kzero-scim:groups": ["KZero users"],
        "kzero-scim:adopted": True,
    }


def test_a_secret_is_never_written() -> None:
    """A secret is never written; only `pulumi config set --secret` adds it, encrypted."""
    settings = TenantSettings.model_validate(
        {
            "entra_tenant_id": TENANT,
            "kzero_tenant": "Fabrikam",
            "users": ["a@b.example"],
            "secret_token": "a-secret",
            "kzero_client_id": "automation",
            "kzero_client_secret": "another-secret",
        }
    )

    text = stack_file.render(stack_file.entries(settings))

    assert "secret" not in text
    assert "kzero-scim:kzeroClientId: automation" in text


def test_other_keys_of_an_older_file_stay() -> None:
    """Encrypted secrets, their salt and other keys of an older file stay."""
    present = yaml_writer.dump(
        {
            "encryptionsalt": "v1:salt",
            "config": {"kzero-scim:kzeroClientSecret": {"secure": "v1:abc"}, "kzero-scim:users": ["old@b.example"]},
        }
    )

    text = stack_file.render({"kzero-scim:users": ["new@b.example"]}, present=present, comment="Mine.")

    assert safe_yaml.load(text, "x") == {
        "encryptionsalt": "v1:salt",
        "config": {"kzero-scim:kzeroClientSecret": {"secure": "v1:abc"}, "kzero-scim:users": ["new@b.example"]},
    }


def test_a_rewritten_file_keeps_its_comments_order_and_quotes() -> None:
    """Only changed lines differ, and comments stay next to their entries."""
    present = """\
# Fabrikam, since May
encryptionsalt: v1:salt=   # not a secret

config:
  # who they are
  kzero-scim:kzeroTenant: 'Fabrikam' # as the dashboard shows it
  azuread:tenantId: 00000000-0000-4000-8000-0000000000aa

  # who is provisioned
  kzero-scim:users:
    - alex@b.example  # the boss
    # their assistant
    - "old@b.example"
  # asked for by the works council
  kzero-scim:provisioning: "true"
  kzero-scim:mappers:
    # as in the guide
    loginName: {userAttribute: userPrincipalName, claim: userName}
  # until June
  kzero-scim:groups: []
  # the end
# of the file
"""
    changes = {
        "kzero-scim:kzeroTenant": "Fabrikam",
        "kzero-scim:provisioning": True,
        "kzero-scim:users": ["new@b.example", "alex@b.example"],
        "kzero-scim:mappers": {"loginName": {"userAttribute": "userPrincipalName", "claim": "login"}},
        "kzero-scim:groups": ["KZero users"],
        "kzero-scim:adopted": True,
    }

    assert (
        stack_file.render(changes, present=present)
        == """\
# Fabrikam, since May
encryptionsalt: v1:salt=   # not a secret

config:
  # who they are
  kzero-scim:kzeroTenant: 'Fabrikam' # as the dashboard shows it
  azuread:tenantId: 00000000-0000-4000-8000-0000000000aa

  # who is provisioned
  kzero-scim:users:
    - new@b.example
    - alex@b.example  # the boss
  # asked for by the works council
  kzero-scim:provisioning: "true"
  kzero-scim:mappers:
    # as in the guide
    loginName: {userAttribute: userPrincipalName, claim: login}
  # until June
  kzero-scim:groups:
    - KZero users
  kzero-scim:adopted: true
  # the end
# of the file
"""
    )


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_a_rewritten_file_keeps_its_indentation(indent: str) -> None:
    """Lists keep their indentation, below their key or inside it."""
    present = f"config:\n  a:users:\n  {indent}- x\n  # last\n  a:more: 1\n"

    assert stack_file.render({"a:users": ["x", "y"]}, present=present) == present.replace(
        "- x\n", f'- x\n  {indent}- "y"\n'
    )


def test_a_file_of_comments_alone_gets_its_settings_below() -> None:
    """A file with only comments keeps them and gets its settings below."""
    assert stack_file.render({"a:b": "c"}, present="# to do\n\n") == "# to do\nconfig:\n  a:b: c\n"


_plain = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
_value = (
    st.booleans()
    | st.integers(0, 99)
    | st.text(max_size=8)
    | st.lists(_plain | st.text(max_size=4), max_size=3)
    | st.dictionaries(_plain, st.lists(_plain, max_size=2) | _plain, max_size=3)
)


@given(st.dictionaries(_plain, _value, min_size=1, max_size=5), st.dictionaries(_plain, _value, max_size=5))
def test_comments_above_each_key_stay_after_any_change(held: dict[str, Any], changes: dict[str, Any]) -> None:
    """After any change, the file has the new values, and comments stay above their keys."""
    lines = ["# above all", "config:"]
    for key, value in held.items():
        written = yaml_writer.dump({key: value}).splitlines()
        lines += [f"  # about {key}", "", *(f"  {line}" for line in written)]
    present = "\n".join([*lines, "# below all", ""])

    text = stack_file.render(changes, present=present)

    assert safe_yaml.load(text, "x") == {"config": {**held, **changes}}
    found = text.splitlines()
    assert found[0] == "# above all"
    assert found[-1] == "# below all"
    for key in held:
        place = found.index(f"  # about {key}")
        assert next(line for line in found[place + 1 :] if line.strip()).replace('"', "").startswith(f"  {key}:")


@pytest.mark.parametrize("name", ["", "a/../b", "with blank", "x" * 101])
def test_an_invalid_stack_name_is_refused(name: str) -> None:
    """A name that would lead outside of stacks/ is refused."""
    with pytest.raises(SettingsError, match="is not a stack name"):
        stack_file.path_of(Path("/project"), f"{name}:" if "/" in name else name)


def test_many_users_go_into_a_separate_file() -> None:
    """Many users go into a separate file, because Linux limits a program's configuration."""
    users = [f"user{number}@b.example" for number in range(stack_file.MOST_USERS + 1)]
    project = Path("/project")

    few = stack_file.users_apart({"kzero-scim:users": users[1:]}, project, "fabrikam")
    many = stack_file.users_apart({"kzero-scim:users": users, "kzero-scim:scope": "all"}, project, "org/x/fabrikam")

    assert few == ({"kzero-scim:users": users[1:]}, {})
    assert many[0] == {"kzero-scim:scope": "all", "kzero-scim:usersFile": "stacks/fabrikam-users.txt"}
    assert {file: text.split() for file, text in many[1].items()} == {project / "stacks" / "fabrikam-users.txt": users}
