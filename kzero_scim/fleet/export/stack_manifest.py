"""Writes ``Stack`` manifests for the Pulumi Kubernetes Operator 2, one per tenant. Connects to no cluster.

https://github.com/pulumi/pulumi-kubernetes-operator/blob/master/docs/stacks.md has every field.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from kzero_scim.display import one_line
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.project import FleetTenant
from kzero_scim.stack import yaml_writer

COMMON_SECRET: Final = "kzero-scim"  # noqa: S105 - the name of a Secret, not one
"""The Secret with the environment that all tenants share. It may be missing."""
LONGEST_NAME: Final = 42
"""Longest name of a Stack, in characters. The operator names the tenant's StatefulSet ``<name>-workspace``, and
Kubernetes labels its pods with that name and a hash of ten characters, in a label of at most 63."""
TAG_LABEL: Final = "tag.kzero-scim/"
TENANT_ANNOTATION: Final = "kzero-scim/tenant"
HEADER: Final = "# Written by `kzero-scim fleet export --operator`. Do not edit: change the stack file instead.\n"

_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_TOKEN_KEY: Final = "token"  # noqa: S105 - the key in a Secret, not one


@dataclass(frozen=True)
class GitSource:
    """A Git repository. The operator fetches the project and polls for new commits, once per Stack.

    Attributes:
        repository: URL of the repository.
        branch: The branch to deploy.
        folder: Folder of Pulumi.yaml in the repository; "" for its root.
        token_secret: The Secret whose key ``token`` holds an access token; "" if the repository needs none.
    """

    repository: str
    branch: str
    folder: str = ""
    token_secret: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the source as fields of a Stack's spec."""
        found: dict[str, Any] = {"projectRepo": self.repository, "branch": self.branch}
        if self.folder:
            found["repoDir"] = self.folder
        if self.token_secret:
            reference = {"type": "Secret", "secret": {"name": self.token_secret, "key": _TOKEN_KEY}}
            found["gitAuth"] = {"accessToken": reference}
        return found


@dataclass(frozen=True)
class FluxSource:
    """A GitRepository of Flux, which fetches the project once for all Stacks.

    Attributes:
        name: Name of the GitRepository.
        folder: Folder of Pulumi.yaml in the repository; "" for its root.
    """

    name: str
    folder: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the source as fields of a Stack's spec."""
        reference = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "name": self.name}
        return {"fluxSource": {"sourceRef": reference} | ({"dir": self.folder} if self.folder else {})}


@dataclass(frozen=True)
class ImageSource:
    """The workspace's image, which contains the project and its dependencies.

    Attributes:
        folder: Folder of Pulumi.yaml in the image.
    """

    folder: str

    def fields(self) -> dict[str, Any]:
        """Return no fields: a Stack's spec has this source in its workspace template."""
        return {}


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Settings that all Stacks share.

    Attributes:
        source: Where the project comes from.
        image: Image of the workspaces; "" for the operator's.
        namespace: Namespace of the Stacks.
        service_account: Service account of the workspaces. The operator requires the role ``system:auth-delegator``.
        backend: URL of the backend; "" to use PULUMI_BACKEND_URL in a Secret.
        qualifier: Prefix of a stack's name, ``<organization>/<project>``; "" for none.
        resync: Seconds between runs without a new commit, which correct drift; None to run only for commits.
        preview: Whether to preview only and never apply changes.
    """

    source: GitSource | FluxSource | ImageSource
    image: str = ""
    namespace: str = "kzero-scim"
    service_account: str = "kzero-scim"
    backend: str = ""
    qualifier: str = ""
    resync: int | None = None
    preview: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that a cluster refuses, or that would write a secret into a manifest.

        Raises:
            SettingsError: A setting is wrong; names the option.
        """
        for option, name in {"--namespace": self.namespace, "--service-account": self.service_account}.items():
            if not _LABEL.fullmatch(name):
                message = f'{option} "{one_line(name)}": Kubernetes allows only lower-case letters, digits and hyphens'
                raise SettingsError(message)
        if _holds_password(self.backend):
            message = (
                f"--backend contains a password, which each manifest would show in clear text; "
                f"put the URL as PULUMI_BACKEND_URL into the Secret {COMMON_SECRET} instead"
            )
            raise SettingsError(message)
        if isinstance(self.source, GitSource) and _holds_password(self.source.repository):
            message = (
                "--repository contains a token or password, which each manifest would show in clear text; "
                f"put it as {_TOKEN_KEY} into a Secret, and give the Secret's name with --token-secret"
            )
            raise SettingsError(message)
        if isinstance(self.source, ImageSource) and not self.image:
            message = "--image-folder needs an image; give it with --image"
            raise SettingsError(message)


def _holds_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        # A user name without a password is a token.
        token = parts.scheme in {"http", "https"} and parts.username is not None
        return token or parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        return False


def names(tenants: Iterable[FleetTenant]) -> dict[str, str]:
    """Return a name for each tenant that Kubernetes accepts for a Stack and for the operator's objects.

    Letters become lower-case, other characters hyphens. Long names are cut and get a part of their hash.

    Returns:
        The Stack's name by the tenant's name.

    Raises:
        SettingsError: Two tenants would have the same name; the message contains both.
    """
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for tenant in tenants:
        name = _name(tenant.name)
        if name in taken:
            message = (
                f'tenants "{one_line(taken[name])}" and "{one_line(tenant.name)}" would both become the Stack {name}: '
                f"Kubernetes allows only lower-case letters, digits and hyphens; rename one of them"
            )
            raise SettingsError(message)
        taken[name] = tenant.name
        found[tenant.name] = name
    return found


def _name(tenant: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", tenant.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"tenant-{name}".strip("-")
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 7].rstrip('-')}-{hashlib.sha256(tenant.encode()).hexdigest()[:6]}"
    return name


def secret_of(name: str) -> str:
    """Return the name of the Secret with one tenant's environment, from its Stack's name."""
    return f"{COMMON_SECRET}-{name}"


def manifest(tenant: FleetTenant, name: str, settings: StackSettings) -> dict[str, Any]:
    """Return the ``Stack`` of one tenant.

    The workspace's environment comes from the common Secret and the tenant's own, one variable per key. Deleting the
    Stack does not destroy the tenant. The Stack does not create a new Pulumi stack: the salt of its secrets would be
    written only to the workspace's copy of the stack file, and lost with it.
    """
    workspace: dict[str, Any] = {
        "envFrom": [
            {"secretRef": {"name": COMMON_SECRET, "optional": True}},
            {"secretRef": {"name": secret_of(name)}},
        ]
    }
    if settings.image:
        workspace["image"] = settings.image
    if isinstance(settings.source, ImageSource):
        workspace["local"] = {"dir": settings.source.folder}
    spec: dict[str, Any] = {
        "stack": f"{settings.qualifier}/{tenant.name}" if settings.qualifier else tenant.name,
        **settings.source.fields(),
        "serviceAccountName": settings.service_account,
        # Only a refresh finds changes made by hand.
        "refresh": True,
        "destroyOnFinalize": False,
        "useLocalStackOnly": True,
        # Idle pods of a thousand tenants would waste memory.
        "workspaceReclaimPolicy": "Delete",
        "workspaceTemplate": {"spec": workspace},
    }
    if settings.backend:
        spec["backend"] = settings.backend
    if settings.resync is not None:
        spec |= {"continueResyncOnCommitMatch": True, "resyncFrequencySeconds": settings.resync}
    if settings.preview:
        spec["preview"] = True
    metadata = {
        "name": name,
        "namespace": settings.namespace,
        "labels": {"app.kubernetes.io/part-of": "kzero-scim", **_tag_labels(tenant.tags)},
        "annotations": {TENANT_ANNOTATION: tenant.name},
    }
    return {"apiVersion": "pulumi.com/v1", "kind": "Stack", "metadata": metadata, "spec": spec}


def _tag_labels(tags: Sequence[str]) -> dict[str, str]:
    found = {}
    for tag in tags:
        name = re.sub(r"[^A-Za-z0-9]+$|^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9_.-]", "-", tag)[:63])
        if name:
            found[f"{TAG_LABEL}{name}"] = "true"
    return found


def documents(
    tenants: Sequence[FleetTenant], fleet: Iterable[FleetTenant], settings: StackSettings
) -> dict[str, dict[str, Any]]:
    """Return the Stacks of tenants whose files can be read, by their names in the cluster.

    Args:
        tenants: The tenants.
        fleet: All tenants of the fleet, so that no two exports give the same name to different tenants.
        settings: Settings that all Stacks share.

    Raises:
        SettingsError: Two tenants would have the same name.
    """
    called = names(tenant for tenant in fleet if not tenant.problem)
    return {
        called[tenant.name]: manifest(tenant, called[tenant.name], settings) for tenant in tenants if not tenant.problem
    }


def as_text(stacks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return Stacks as one YAML text with several documents."""
    return HEADER + "---\n".join(yaml_writer.dump(stack) for stack in stacks.values())


def write_folder(stacks: Mapping[str, Mapping[str, Any]], folder: Path, unreadable: Iterable[FleetTenant] = ()) -> None:
    """Write one file per Stack and a ``kustomization.yaml``. Delete files of an earlier export that are obsolete.

    Args:
        stacks: The value of :func:`documents`.
        folder: The folder to write to.
        unreadable: Tenants whose stack files cannot be read. Their manifests of an earlier export stay as they are:
            an operator destroys what is no longer in the folder.

    Raises:
        SettingsError: The folder cannot be written.
    """
    kept = {_name(tenant.name) for tenant in unreadable}
    kept = {name for name in kept - set(stacks) if (folder / f"{name}.stack.yaml").exists()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{name}.stack.yaml" for name in (*stacks, *sorted(kept))],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.stack.yaml"):
            if old.name.removesuffix(".stack.yaml") not in {*stacks, *kept}:
                old.unlink()
        for name, stack in stacks.items():
            (folder / f"{name}.stack.yaml").write_text(HEADER + yaml_writer.dump(stack), encoding="utf-8")
        (folder / "kustomization.yaml").write_text(HEADER + yaml_writer.dump(kustomization), encoding="utf-8")
    except OSError as error:
        message = f"could not write the manifests to {one_line(str(folder))}: {error.strerror}"
        raise SettingsError(message) from error
