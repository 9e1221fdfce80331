"""``Stack`` manifests for the Pulumi Kubernetes Operator 2, one a tenant. Knows no cluster and asks none.

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
"""The Secret of the environment that all tenants share; it may be missing."""
LONGEST_NAME: Final = 42
"""Characters of a Stack's name. The operator calls the tenant's StatefulSet ``<name>-workspace``, and Kubernetes labels
its pods with that name and a hash of ten, in a label that takes 63."""
TAG_LABEL: Final = "tag.kzero-scim/"
TENANT_ANNOTATION: Final = "kzero-scim/tenant"
HEADER: Final = "# Written by kzero-scim fleet export --operator, anew each time: change the stack file instead.\n"

_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_TOKEN_KEY: Final = "token"  # noqa: S105 - the key in a Secret, not one


@dataclass(frozen=True)
class GitSource:
    """The operator fetches the project from a Git repository, and asks it for new commits, once a Stack.

    Attributes:
        repository: Its address.
        branch: What is deployed.
        folder: Of Pulumi.yaml in it; "" for its root.
        token_secret: The Secret whose key ``token`` is an access token; "" for a repository that needs none.
    """

    repository: str
    branch: str
    folder: str = ""
    token_secret: str = ""

    def fields(self) -> dict[str, Any]:
        """Give it as fields of a Stack's spec."""
        found: dict[str, Any] = {"projectRepo": self.repository, "branch": self.branch}
        if self.folder:
            found["repoDir"] = self.folder
        if self.token_secret:
            reference = {"type": "Secret", "secret": {"name": self.token_secret, "key": _TOKEN_KEY}}
            found["gitAuth"] = {"accessToken": reference}
        return found


@dataclass(frozen=True)
class FluxSource:
    """Flux fetches the project, once for all Stacks.

    Attributes:
        name: Of the GitRepository.
        folder: Of Pulumi.yaml in it; "" for its root.
    """

    name: str
    folder: str = ""

    def fields(self) -> dict[str, Any]:
        """Give it as fields of a Stack's spec."""
        reference = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "name": self.name}
        return {"fluxSource": {"sourceRef": reference} | ({"dir": self.folder} if self.folder else {})}


@dataclass(frozen=True)
class ImageSource:
    """The project lies in the workspace's image, with all that it needs.

    Attributes:
        folder: Of Pulumi.yaml in it.
    """

    folder: str

    def fields(self) -> dict[str, Any]:
        """Give nothing: a Stack's spec says it in its workspace's template."""
        return {}


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """What all Stacks have in common.

    Attributes:
        source: Where the project comes from.
        image: The workspaces' image; "" for the operator's own choice.
        namespace: Of the Stacks.
        service_account: Of the workspaces; the operator wants it bound to the role ``system:auth-delegator``.
        backend: Address of the state; "" leaves it to PULUMI_BACKEND_URL in a Secret.
        qualifier: What stands before a stack's name, ``<organisation>/<project>``; "" for nothing.
        resync: Seconds from one run to the next without a new commit, which puts drift right; None for runs by commits
            alone.
        preview: Only foretell changes, never make them.
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
        """Refuse what a cluster would, or what would put a secret in clear into a manifest.

        Raises:
            SettingsError: It is that; names the option.
        """
        for option, name in {"--namespace": self.namespace, "--service-account": self.service_account}.items():
            if not _LABEL.fullmatch(name):
                message = f'{option} "{one_line(name)}": Kubernetes takes lower-case letters, digits and hyphens'
                raise SettingsError(message)
        if _holds_password(self.backend):
            message = (
                f"--backend holds a password, which would stand in clear in each manifest; "
                f"put the address as PULUMI_BACKEND_URL into the Secret {COMMON_SECRET}"
            )
            raise SettingsError(message)
        if isinstance(self.source, GitSource) and _holds_password(self.source.repository):
            message = (
                "--repository holds a token or password, which would stand in clear in each manifest; "
                f"put it as {_TOKEN_KEY} into a Secret, and name that with --token-secret"
            )
            raise SettingsError(message)
        if isinstance(self.source, ImageSource) and not self.image:
            message = "--image-folder says where the project lies in an image; say in which with --image"
            raise SettingsError(message)


def _holds_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        # Who signs in at a web server by name alone does so with a token.
        token = parts.scheme in {"http", "https"} and parts.username is not None
        return token or parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        return False


def names(tenants: Iterable[FleetTenant]) -> dict[str, str]:
    """Give each tenant a name that Kubernetes takes for a Stack and all that the operator makes of one.

    Letters become small, full stops and underscores hyphens; what is too long is cut and given a part of its hash.

    Returns:
        The Stack's name by the tenant's.

    Raises:
        SettingsError: Two would have the same; names both.
    """
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for tenant in tenants:
        name = _name(tenant.name)
        if name in taken:
            message = (
                f'the tenants "{one_line(taken[name])}" and "{one_line(tenant.name)}" would both be the Stack {name}: '
                f"Kubernetes knows small letters, digits and hyphens alone; rename one of the two"
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
    """Say what the Secret of one tenant's environment is called, by its Stack's name."""
    return f"{COMMON_SECRET}-{name}"


def manifest(tenant: FleetTenant, name: str, settings: StackSettings) -> dict[str, Any]:
    """Give the ``Stack`` of one tenant.

    Its workspace's environment is the common Secret, and over it the tenant's own: a variable a key. The Stack never
    destroys a tenant when it is deleted, and never makes one that is new: the salt of its secrets would be written to
    the workspace's copy of the stack file, and lost with it.
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
        # A change made by hand is seen by a refresh alone.
        "refresh": True,
        "destroyOnFinalize": False,
        "useLocalStackOnly": True,
        # A pod that stays, for each of a thousand tenants, is memory for nothing.
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
    """Give the Stacks of tenants, by their names in the cluster.

    Args:
        tenants: Which.
        fleet: All that there are, so that one name is not given to two of them by and by.
        settings: What all have in common.

    Raises:
        SettingsError: A stack file cannot be read, or two tenants would have one name.
    """
    for tenant in tenants:
        if tenant.problem:
            raise SettingsError(tenant.problem)
    called = names(fleet)
    return {called[tenant.name]: manifest(tenant, called[tenant.name], settings) for tenant in tenants}


def as_text(stacks: Mapping[str, Mapping[str, Any]]) -> str:
    """Write Stacks as one YAML text of many documents."""
    return HEADER + "---\n".join(yaml_writer.dump(stack) for stack in stacks.values())


def write_folder(stacks: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write one file a Stack, and a ``kustomization.yaml`` of them; files of an earlier export that are no more, go.

    Raises:
        SettingsError: The folder cannot be written.
    """
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{name}.stack.yaml" for name in stacks],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.stack.yaml"):
            if old.name.removesuffix(".stack.yaml") not in stacks:
                old.unlink()
        for name, stack in stacks.items():
            (folder / f"{name}.stack.yaml").write_text(HEADER + yaml_writer.dump(stack), encoding="utf-8")
        (folder / "kustomization.yaml").write_text(HEADER + yaml_writer.dump(kustomization), encoding="utf-8")
    except OSError as error:
        message = f"the manifests cannot be written to {one_line(str(folder))}: {error.strerror}"
        raise SettingsError(message) from error
