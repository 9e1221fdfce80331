"""The program of one tenant. Declare your own resources below. The fleet runs this file too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "components"))  # for an environment that `pulumi install` made

from kzero_components.tenant_program import declare_tenant

declare_tenant()
