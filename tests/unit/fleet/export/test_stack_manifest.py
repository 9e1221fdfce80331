"""Tests of Stack manifests against the Pulumi Kubernetes Operator's documentation and its CRD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.export import stack_manifest
from kzero_scim.fleet.export.stack_manifest import (
    LONGEST_NAME,
    FluxSource,
    GitSource,
    ImageSource,
    StackSettings,
    as_text,
    names,
    write_folder,
)
from kzero_scim.fleet.project import FleetTenant

GIT = GitSource("https://git.fabrikam.example/tenants.git", "main", "kzero", "git-token")
SETTINGS = [
    StackSettings(source=GIT, backend="azblob://state", resync=86400, qualifier="fabrikam/kzero-scim"),
    StackSettings(source=FluxSource("tenants", "kzero"), image="registry.example/kzero-scim:1", preview=True),
    StackSettings(source=ImageSource("/opt/kzero-scim"), image="registry.example/kzero-scim:1"),
]
CRD = os.environ.get("KZERO_SCIM_STACK_CRD", "")


def tenant(name: str, *tags: str) -> FleetTenant:
    return FleetTenant(name, Path(f"stacks/Pulumi.{name}.yaml"), {"config": {"kzero-scim:tags": list(tags)}})


def documents(tenants: list[FleetTenant], settings: StackSettings) -> dict[str, dict[str, Any]]:
    return stack_manifest.documents(tenants, tenants, settings)


class _Documented(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SecretKey(_Documented):
    name: str
    key: str


class ResourceRef(_Documented):
    type: Literal["Env", "FS", "Secret", "Literal"]
    secret: SecretKey


class GitAuth(_Documented):
    accessToken: ResourceRef  # noqa: N815 - the documentation's name, and so below


class SourceRef(_Documented):
    apiVersion: str  # noqa: N815
    kind: str
    name: str


class Flux(_Documented):
    sourceRef: SourceRef  # noqa: N815
    dir: str = ""


class SecretRef(_Documented):
    name: str
    optional: bool = False


class EnvFrom(_Documented):
    secretRef: SecretRef  # noqa: N815


class Local(_Documented):
    dir: str


class WorkspaceSpec(_Documented):
    envFrom: list[EnvFrom]  # noqa: N815
    image: str = ""
    local: Local | None = None


class WorkspaceTemplate(_Documented):
    spec: WorkspaceSpec


class StackSpec(_Documented):
    stack: str
    projectRepo: str | None = None  # noqa: N815
    branch: str | None = None
    repoDir: str | None = None  # noqa: N815
    gitAuth: GitAuth | None = None  # noqa: N815
    fluxSource: Flux | None = None  # noqa: N815
    backend: str | None = None
    serviceAccountName: str  # noqa: N815
    refresh: bool
    destroyOnFinalize: Literal[False]  # noqa: N815
    useLocalStackOnly: Literal[True]  # noqa: N815
    workspaceReclaimPolicy: Literal["Retain", "Delete"]  # noqa: N815
    workspaceTemplate: WorkspaceTemplate  # noqa: N815
    continueResyncOnCommitMatch: bool = False  # noqa: N815
    resyncFrequencySeconds: int = Field(default=60, ge=60)  # noqa: N815
    preview: bool = False


class Metadata(_Documented):
    name: str = Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=LONGEST_NAME)
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Stack(_Documented):
    """The fields that manifests may use, as docs/stacks.md and docs/workspaces.md of operator 2.9 describe them."""

    apiVersion: Literal["pulumi.com/v1"]  # noqa: N815
    kind: Literal["Stack"]
    metadata: Metadata
    spec: StackSpec


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_manifest_has_documented_fields_alone(settings: StackSettings) -> None:
    """A manifest has only documented fields, also after it is written to YAML and read again."""
    text = as_text(documents([tenant("fabrikam", "canary", "emea"), tenant("Contoso.EU")], settings))

    first, second = (Stack.model_validate(document) for document in yaml.safe_load_all(text))

    assert first.metadata.labels["tag.kzero-scim/canary"] == "true"
    assert (second.metadata.name, second.metadata.annotations["kzero-scim/tenant"]) == ("contoso-eu", "Contoso.EU")
    assert second.spec.stack.endswith("Contoso.EU")
    assert [one.secretRef.name for one in second.spec.workspaceTemplate.spec.envFrom] == [
        "kzero-scim",
        "kzero-scim-contoso-eu",
    ]


@pytest.mark.skipif(not CRD, reason="KZERO_SCIM_STACK_CRD names no file with the operator's CRD of Stack")
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_manifest_is_what_the_operators_crd_takes(settings: StackSettings) -> None:
    """A manifest is valid for the operator's CRD, from a cluster or from its Helm chart."""
    (definition,) = [
        one for one in yaml.safe_load_all(Path(CRD).read_text()) if one["spec"]["names"]["kind"] == "Stack"
    ]
    (version,) = [one for one in definition["spec"]["versions"] if one["name"] == "v1"]
    takes = jsonschema.Draft202012Validator(_closed(version["schema"]["openAPIV3Schema"]))

    for document in documents([tenant("fabrikam", "canary"), tenant("Contoso.EU")], settings).values():
        takes.validate(document)
        document["spec"]["refreshes"] = True
        with pytest.raises(jsonschema.ValidationError, match="'refreshes' was unexpected"):
            takes.validate(document)


def _closed(schema: Any) -> Any:  # noqa: ANN401 - a schema of any depth
    """Return a schema that refuses unknown fields, as a server with strict validation does."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


@given(name=st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True))
def test_every_stacks_name_becomes_one_that_kubernetes_takes(name: str) -> None:
    (found,) = names([tenant(name)]).values()

    assert Metadata(name=found, namespace="n", labels={}, annotations={}).name == found


def test_long_names_stay_apart() -> None:
    long = "a" * 60

    found = names([tenant(long + "-1"), tenant(long + "-2")])

    assert len(set(found.values())) == 2


def test_two_tenants_with_one_name_in_kubernetes_are_refused() -> None:
    with pytest.raises(
        SettingsError, match=r'"Fabrikam_EU" and "fabrikam\.eu" would both become the Stack fabrikam-eu'
    ):
        names([tenant("Fabrikam_EU"), tenant("fabrikam.eu")])


def test_a_name_is_one_tenants_in_the_whole_fleet() -> None:
    """A Stack's name is unique in the whole fleet, including tenants that are not exported."""
    fleet = [tenant("a.b"), tenant("A-b")]

    with pytest.raises(SettingsError, match=r'"a\.b" and "A-b"'):
        stack_manifest.documents(fleet[:1], fleet, SETTINGS[0])


def test_a_tag_becomes_a_label_that_kubernetes_takes() -> None:
    (found,) = documents([tenant("a", "two words!", "***", "x" * 80)], SETTINGS[0]).values()

    tags = [key for key in found["metadata"]["labels"] if key.startswith("tag.kzero-scim/")]
    assert tags == ["tag.kzero-scim/two-words", f"tag.kzero-scim/{'x' * 63}"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"source": GIT, "backend": "postgres://pulumi:hunter2@db/state"}, "--backend contains a password"),
        ({"source": GIT, "backend": "postgres://db/state?user=a&password=hunter2"}, "--backend contains a password"),
        ({"source": GitSource("https://hunter2@git.example/x", "main")}, "--repository contains a token"),
        ({"source": ImageSource("/opt/kzero-scim")}, "--image-folder needs an image; give it with --image"),
        ({"source": GIT, "namespace": "Not This"}, '--namespace "Not This": '),
    ],
)
def test_what_cannot_stand_in_a_manifest_is_refused(given: dict[str, Any], told: str) -> None:
    """Settings that a manifest must not contain are refused, and the error repeats no secret."""
    with pytest.raises(SettingsError, match=told) as caught:
        StackSettings(**given)

    assert "hunter2" not in str(caught.value)


def test_a_secure_shell_address_needs_no_secret() -> None:
    assert StackSettings(source=GitSource("ssh://git@git.example/x", "main"), backend="s3://state")


def test_a_folder_holds_the_stacks_of_now(tmp_path: Path) -> None:
    """An export deletes manifests of tenants that are gone and keeps other files."""
    (tmp_path / "notes.yaml").write_text("mine: true\n")
    write_folder(documents([tenant("a"), tenant("b")], SETTINGS[0]), tmp_path)

    write_folder(documents([tenant("b")], SETTINGS[0]), tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.stack.yaml", "kustomization.yaml", "notes.yaml"]
    assert yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["resources"] == ["b.stack.yaml"]


def test_a_stack_file_that_cannot_be_read_keeps_its_manifest(tmp_path: Path) -> None:
    """The operator would destroy a Stack that is no longer in the folder. The others are written."""
    write_folder(documents([tenant("a"), tenant("b")], SETTINGS[0]), tmp_path)
    before = (tmp_path / "a.stack.yaml").read_text()
    broken = FleetTenant("a", Path("stacks/Pulumi.a.yaml"), {}, "stacks/Pulumi.a.yaml, line 3: it is no YAML")

    stacks = documents([broken, tenant("c")], SETTINGS[0])
    write_folder(stacks, tmp_path, [broken])

    assert list(stacks) == ["c"]
    assert (tmp_path / "a.stack.yaml").read_text() == before
    listed = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["resources"]
    assert listed == ["c.stack.yaml", "a.stack.yaml"]
