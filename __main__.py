"""The program of one tenant. Declare your own resources below. The fleet runs this file too."""

from __future__ import annotations

from kzero_components.tenant_program import declare_tenant

declare_tenant()
