"""The program of one tenant. Declare further resources of your own below; the fleet runs this file too."""

from __future__ import annotations

from kzero_components.tenant_program import declare_tenant

declare_tenant()
