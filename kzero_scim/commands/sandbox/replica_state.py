"""Copies one stack's state to another, for the sandbox's replicas: replaces names and recomputes fingerprints.

Only the provider knows what its fingerprints cover.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kzero_scim.provider.engine.marshal import SIGNATURE
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import decode_lenient

Json = dict[str, Any]


def rewritten(state: str, names: Mapping[str, str]) -> str:
    """Return a state in the file backend's format, with names replaced.

    Args:
        state: The checkpoint's text.
        names: Maps each old name to its new name.

    Raises:
        ValueError: The state contains secrets, which only Pulumi can read and write.
    """
    if SIGNATURE in state:
        message = "its state contains secrets, which cannot be copied; choose a tenant without kzero-scim:secretToken"
        raise ValueError(message)
    renamed = _replaced(state, names)
    resources: list[Json] = json.loads(renamed)["checkpoint"]["latest"]["resources"]
    fingerprints = {}
    for resource in resources:
        outputs: Json = resource.get("outputs", {})  # the stack's root and empty components have none
        if outputs and (found := fingerprint_of(resource["type"], outputs)):
            name, fingerprint = found
            fingerprints[outputs[name]] = fingerprint
    # In the whole state, because other resources use fingerprints as triggers.
    return _replaced(renamed, fingerprints)


def fingerprint_of(token: str, outputs: Json) -> tuple[str, str] | None:
    """Return name and value of the fingerprint in a resource's state, None if it has none."""
    if token not in KZERO.resources:
        return None
    kind = KZERO.resources[token]
    return kind.fingerprint_of(decode_lenient(kind.state, outputs))


def _replaced(text: str, names: Mapping[str, str]) -> str:
    found = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    return found.sub(lambda match: names[match.group()], text) if names else text
