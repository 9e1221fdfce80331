"""Inputs and state of the attribute mappings. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass

from kzero_scim.mapping.attribute_mapping import guide_custom_attributes, guide_rows
from kzero_scim.provider.entra.attribute_mappings.prior import Prior
from kzero_scim.resource.model import prop
from kzero_scim.settings.items import CustomAttribute, Row


@dataclass(frozen=True, kw_only=True)
class AttributeMappingsInputs:
    """What is wanted."""

    service_principal_id: str = prop("Object id of the service principal.", replace=True)
    job_id: str = prop("Id of its synchronization job.", replace=True)
    rows: dict[str, Row] = prop(
        "The attribute mappings for users by target attribute; default: the seven of KZero's guide. Other rows of the "
        "job are left alone.",
        default_factory=guide_rows,
    )
    custom_attributes: list[CustomAttribute] = prop(
        "Target attributes beyond Entra's default schema; default: the tag of KZero's guide.",
        default_factory=guide_custom_attributes,
    )
    provision_groups: bool | None = prop("Whether groups are provisioned; left as it is if absent.", default=None)
    exclusive: bool = prop(
        "Also remove the rows that are not listed, except those that Entra needs for matching.", default=False
    )


@dataclass(frozen=True, kw_only=True)
class AttributeMappingsState(AttributeMappingsInputs):
    """What exists."""

    rule_id: str = prop("Id of the synchronization rule for users; on-demand provisioning asks for it.")
    fingerprint: str = prop("Differs whenever something differs that Entra provisions by; made to be a trigger.")
    unmanaged_rows: list[str] = prop("Target attributes of the rows that others own.")
    prior: Prior = prop("What the rows, attributes and switches were before.")
