"""Inputs and state of the attribute mappings. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass

from kzero_scim.mapping.attribute_mapping import guide_custom_attributes, guide_rows
from kzero_scim.provider.entra.attribute_mappings.prior import Prior
from kzero_scim.resource.model import prop
from kzero_scim.settings.items import CustomAttribute, Row


@dataclass(frozen=True, kw_only=True)
class AttributeMappingsInputs:
    """The wanted attribute mappings."""

    service_principal_id: str = prop("Object ID of the service principal.", replace=True)
    job_id: str = prop("ID of its synchronization job.", replace=True)
    rows: dict[str, Row] = prop(
        "Attribute mappings for users by target attribute. Default: the seven of KZero's guide. Other rows of the job "
        "stay unchanged.",
        default_factory=guide_rows,
    )
    custom_attributes: list[CustomAttribute] = prop(
        "Target attributes to add to Entra's default schema. Default: the tag of KZero's guide.",
        default_factory=guide_custom_attributes,
    )
    provision_groups: bool | None = prop(
        "Whether Entra provisions groups. Without a value, Entra's setting stays unchanged.", default=None
    )
    exclusive: bool = prop(
        "Whether to remove rows that are not listed, except those that Entra needs for matching.", default=False
    )


@dataclass(frozen=True, kw_only=True)
class AttributeMappingsState(AttributeMappingsInputs):
    """The existing attribute mappings."""

    rule_id: str = prop("ID of the synchronization rule for users, for on-demand provisioning.")
    fingerprint: str = prop("Hash of the mappings, custom attributes and settings. Use it as a trigger.")
    unmanaged_rows: list[str] = prop("Target attributes of the rows that this resource does not own.")
    prior: Prior = prop("The rows, attributes and settings before this resource changed them.")
