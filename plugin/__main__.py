"""Starts the provider when a language host runs this folder; see pulumi-resource-kzero, which finds its packages."""

import os
import sys
from pathlib import Path

launcher = Path(__file__).resolve().with_name("pulumi-resource-kzero")
os.execv(launcher, [str(launcher), *sys.argv[1:]])  # noqa: S606 - the file beside this one
