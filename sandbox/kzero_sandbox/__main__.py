"""`python -m kzero_sandbox --directory D`: run a sandbox in this process until it receives a signal to stop."""

import argparse
import sys
from pathlib import Path

from kzero_sandbox.addresses import Ports
from kzero_sandbox.supervisor import Supervisor


def main() -> int:
    """Run the sandbox and return the exit code."""
    defaults = Ports()
    parser = argparse.ArgumentParser(prog="python -m kzero_sandbox", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--kzero-port", type=int, default=defaults.kzero)
    parser.add_argument("--entra-port", type=int, default=defaults.entra)
    parser.add_argument("--keycloak-port", type=int, default=defaults.keycloak)
    parser.add_argument("--follow-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument("--no-auto-cycle", action="store_true", help="run no provisioning cycle when a job starts")
    arguments = parser.parse_args()
    ports = Ports(kzero=arguments.kzero_port, entra=arguments.entra_port, keycloak=arguments.keycloak_port)
    return Supervisor(
        arguments.directory, ports, follow_stdin=arguments.follow_stdin, auto_cycle=not arguments.no_auto_cycle
    ).run()


if __name__ == "__main__":
    sys.exit(main())
