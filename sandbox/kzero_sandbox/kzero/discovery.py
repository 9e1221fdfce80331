"""The three discovery documents of a tenant's SCIM endpoint, with the custom extensions that its mappers define.

Must not know HTTP or Keycloak.
"""

from collections.abc import Sequence
from typing import Any

from scim2_models import (
    Attribute,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    Meta,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    SchemaExtension,
    ServiceProviderConfig,
    Sort,
    User,
)
from scim2_models.path import AttrPath

from kzero_sandbox.kzero.mappers import AttributeMapping
from kzero_sandbox.kzero.paths import CORE_GROUP, CORE_USER, ENTERPRISE_USER, parsed

MAX_RESULTS = 200


def service_provider_config(base_url: str) -> dict[str, Any]:
    """Return the capabilities of the endpoint."""
    return _json(
        ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
            filter=Filter(supported=True, max_results=MAX_RESULTS),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=False),
            etag=ETag(supported=False),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="OAuth Bearer Token",
                    description="A token issued by Entra ID (profile Azure) or by the realm (profile Generic)",
                    primary=True,
                )
            ],
            meta=Meta(resource_type="ServiceProviderConfig", location=f"{base_url}/ServiceProviderConfig"),
        )
    )


def resource_types(mappings: Sequence[AttributeMapping], base_url: str) -> list[dict[str, Any]]:
    """Return the resource types; users have the extensions that the mappers define."""
    extensions = [
        SchemaExtension(schema=Reference(urn), required=False)
        for urn in (ENTERPRISE_USER, *_custom_attributes(mappings))
    ]
    user = ResourceType(
        id="User",
        name="User",
        endpoint=Reference("/Users"),
        schema=Reference(CORE_USER),
        schema_extensions=extensions,
        meta=Meta(resource_type="ResourceType", location=f"{base_url}/ResourceTypes/User"),
    )
    group = ResourceType(
        id="Group",
        name="Group",
        endpoint=Reference("/Groups"),
        schema=Reference(CORE_GROUP),
        meta=Meta(resource_type="ResourceType", location=f"{base_url}/ResourceTypes/Group"),
    )
    return [_json(user), _json(group)]


def schemas(mappings: Sequence[AttributeMapping], base_url: str) -> list[dict[str, Any]]:
    """Return the schemas of users, groups and each extension that a mapper's claim names."""
    found = [User.to_schema(), Group.to_schema(), EnterpriseUser.to_schema()]
    for urn, attributes in _custom_attributes(mappings).items():
        found.append(Schema(id=urn, name=urn.split(":")[-3], description="From the mapper set", attributes=attributes))
    for schema in found:
        schema.meta = Meta(resource_type="Schema", location=f"{base_url}/Schemas/{schema.id}")
    return [_json(schema) for schema in found]


def _custom_attributes(mappings: Sequence[AttributeMapping]) -> dict[str, list[Attribute]]:
    found: dict[str, list[Attribute]] = {}
    for mapping in mappings:
        node = parsed(mapping.claim)
        if isinstance(node, AttrPath) and node.uri and node.uri.lower().endswith(":2.0:user"):
            if node.uri.lower() in {CORE_USER.lower(), ENTERPRISE_USER.lower()}:
                continue
            kinds = {"boolean": Attribute.Type.boolean, "int": Attribute.Type.integer, "long": Attribute.Type.integer}
            kind = kinds.get(mapping.json_type.lower(), Attribute.Type.string)
            found.setdefault(node.uri, []).append(
                Attribute(name=node.attr, type=kind, multi_valued=mapping.multivalued, required=Required.false)
            )
    return found


def _json(resource: Resource[Any]) -> dict[str, Any]:
    return resource.model_dump()
