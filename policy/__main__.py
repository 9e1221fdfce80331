"""The policy pack: registers the rules as policies, which Pulumi runs in previews and updates of a tenant's stack."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

# The language host may run this file from any folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy import rules

_CREDENTIALS = "kzero:entra:SynchronizationCredentials"
_PROVIDER = "pulumi:providers:kzero"

Rule = Callable[[ResourceValidationArgs], list[str]]


def _policy(name: str, description: str, kind: str, rule: Rule, config: dict[str, dict[str, Any]]) -> Policy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if args.resource_type == kind:
            for problem in rule(args):
                report_violation(problem)

    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        config_schema=PolicyConfigSchema(properties=config) if config else None,
    )


def _secret_token(args: ResourceValidationArgs) -> list[str]:
    patterns = args.get_config().get("notProduction", rules.NOT_PRODUCTION)
    production = rules.is_production(rules.stack_of(args.urn), args.stack_tags, patterns)
    return rules.secret_token(args.props, production=production)


def _deletion_threshold(args: ResourceValidationArgs) -> list[str]:
    return rules.deletion_threshold(args.props, int(args.get_config().get("largest", rules.LARGEST_THRESHOLD)))


def _policies() -> list[Policy]:
    return [
        _policy(
            "no-whole-directory",
            "Only assigned users and groups are provisioned.",
            _CREDENTIALS,
            lambda args: rules.whole_directory(args.props),
            {},
        ),
        _policy(
            "notification-email",
            "Entra notifies someone when provisioning fails.",
            _CREDENTIALS,
            lambda args: rules.notification_email(args.props),
            {},
        ),
        _policy(
            "deletion-threshold",
            "Entra stops before it deletes many users.",
            _CREDENTIALS,
            _deletion_threshold,
            {"largest": {"type": "integer", "default": rules.LARGEST_THRESHOLD}},
        ),
        _policy(
            "secret-token",
            "In production, Entra presents a token that KZero issued.",
            _CREDENTIALS,
            _secret_token,
            {"notProduction": {"type": "array", "items": {"type": "string"}, "default": list(rules.NOT_PRODUCTION)}},
        ),
        _policy(
            "no-wildcard-admin-credentials",
            "The automation signs in with its own accounts.",
            _PROVIDER,
            lambda args: rules.admin_credentials(args.props, os.environ),
            {},
        ),
    ]


def _end(number: int, frame: FrameType | None) -> None:
    """End immediately, because at the end of every run the engine waits five seconds for a pack that does not."""
    del number, frame
    os._exit(0)


def main() -> None:
    """Serve the pack until the engine ends it."""
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    PolicyPack(name="kzero-scim", policies=_policies(), enforcement_level=EnforcementLevel.MANDATORY)


if __name__ == "__main__":
    main()
