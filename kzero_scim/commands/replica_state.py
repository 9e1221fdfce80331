"""A stack's state made of another's, for the sandbox's replicas: names replaced, and fingerprints made anew.

Only the provider knows what its fingerprints are of.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from kzero_scim.provider.engine.marshal import SIGNATURE
from kzero_scim.provider.entra.synchronization_credentials.model import SynchronizationCredentialsState
from kzero_scim.provider.entra.synchronization_credentials.secret_keys import settings_fingerprint
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetState
from kzero_scim.provider.keycloak.mapper_set.resource import mappers_fingerprint
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointState
from kzero_scim.provider.keycloak.scim_endpoint.resource import endpoint_fingerprint
from kzero_scim.resource.codec import decode_lenient

Json = dict[str, Any]


def rewritten(state: str, names: Mapping[str, str]) -> str:
    """Return a state in the file backend's form with other names in it.

    Args:
        state: The checkpoint's text.
        names: What stands in the place of what.

    Raises:
        ValueError: The state keeps secrets, which only Pulumi can read and write.
    """
    if SIGNATURE in state:
        message = "its state keeps secrets, which cannot be copied: choose a tenant without kzero-scim:secretToken"
        raise ValueError(message)
    renamed = _replaced(state, names)
    resources: list[Json] = json.loads(renamed)["checkpoint"]["latest"]["resources"]
    fingerprints = {}
    for resource in resources:
        property_and_value = FINGERPRINTS.get(resource["type"])
        if property_and_value is not None:
            name, fingerprint = property_and_value
            fingerprints[resource["outputs"][name]] = fingerprint(resource["outputs"])
    # Everywhere, since other resources take them for their triggers.
    return _replaced(renamed, fingerprints)


def _replaced(text: str, names: Mapping[str, str]) -> str:
    found = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    return found.sub(lambda match: names[match.group()], text) if names else text


def _of_endpoint(outputs: Json) -> str:
    return str(endpoint_fingerprint(decode_lenient(ScimEndpointState, outputs)))


def _of_mappers(outputs: Json) -> str:
    return mappers_fingerprint(decode_lenient(MapperSetState, outputs))


def _of_credentials(outputs: Json) -> str:
    held = decode_lenient(SynchronizationCredentialsState, outputs)
    return settings_fingerprint(held.tenant_url, None, held.scope)


FINGERPRINTS: Final[Mapping[str, tuple[str, Callable[[Json], str]]]] = {
    "kzero:keycloak:ScimEndpoint": ("settingsFingerprint", _of_endpoint),
    "kzero:keycloak:MapperSet": ("fingerprint", _of_mappers),
    "kzero:entra:SynchronizationCredentials": ("settingsFingerprint", _of_credentials),
}
