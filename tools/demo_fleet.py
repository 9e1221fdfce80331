"""The fleet demo: sets up twenty tenants, then shows a change with its comment, the merge, drift, and the fleet's page.

`make demo-fleet` prepares the machine and runs it. With the project's environment: `python -m tools.demo_fleet`. A
second run starts with the tenants as the first run left them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tools import azuread_plugin, keycloak_dist, pulumi_cli, sandbox_ports
from tools.demo import COMMAND, SANDBOX, exported
from tools.problem import Problem, run_main
from tools.python_env import VENV

TENANTS = 20
FOLDER = SANDBOX / "fleet"
DRIFTED, QUARANTINED = "tenant-004", "tenant-007"
_GIT = ("git", "-c", "user.name=Fleet demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false")
_COMMENT_LINES = 40


@dataclass
class Shell:
    """Runs commands in the fleet's folder and prints them.

    Attributes:
        env: Environment of the commands.
        began: Start of the demo, in seconds of the monotonic clock.
    """

    env: dict[str, str] = field(repr=False)
    began: float = field(default_factory=time.monotonic)

    def title(self, text: str) -> None:
        """Print a heading."""
        print(f"\n== {time.monotonic() - self.began:3.0f} s  {text}", flush=True)

    def run(self, *words: str | Path, expected: Sequence[int] = (0,)) -> None:
        """Run a command.

        Args:
            words: The command.
            expected: Its allowed exit codes.

        Raises:
            Problem: The command ended with another exit code.
        """
        command = [str(word) for word in words]
        shown = " ".join([Path(command[0]).name, *command[1:]])
        print(f"\n$ {shown}", flush=True)
        done = subprocess.run(command, cwd=FOLDER, env=self.env, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
        if done.returncode not in expected:
            wanted = " or ".join(map(str, expected))
            logs = FOLDER / ".kzero-scim" / "logs"
            msg = f"{shown}: exit code {done.returncode} instead of {wanted}; see the tenants' logs in {logs}"
            raise Problem(msg)
        if done.returncode:
            print(f"(exit code {done.returncode})", flush=True)

    def fleet(self, *words: str | Path, expected: Sequence[int] = (0,)) -> None:
        """Run `kzero-scim fleet`."""
        self.run(COMMAND, "fleet", *words, expected=expected)

    def git(self, *words: str) -> None:
        """Run git without printing the command."""
        subprocess.run([*_GIT, *words], cwd=FOLDER, env=self.env, stdin=subprocess.DEVNULL, check=True)  # noqa: S603 - our own


def _change(threshold: int) -> None:
    """Edit stack files as for a pull request: one setting of all tenants in a region, and the users of one tenant."""
    for file in sorted((FOLDER / "stacks").glob("Pulumi.*.yaml")):
        document = yaml.safe_load(file.read_text())
        config = document["config"]
        if "emea" not in config["kzero-scim:tags"]:
            continue
        config["kzero-scim:deletionThreshold"] = threshold
        if file.name == "Pulumi.tenant-009.yaml":
            domain = config["kzero-scim:testUser"].partition("@")[2]
            config["kzero-scim:users"] = [f"alex@{domain}", f"robin@{domain}"]
        file.write_text(yaml.safe_dump(document, sort_keys=False))


def _threshold() -> int:
    """Return a deletion threshold that no stack file has yet, so that each run of the demo has a change to show."""
    document = yaml.safe_load((FOLDER / "stacks" / "Pulumi.tenant-003.yaml").read_text())
    return int(document["config"].get("kzero-scim:deletionThreshold", 25)) + 25


def _environment(program: Path) -> dict[str, str]:
    folders = [str(VENV / "bin"), str(program.parent), os.environ.get("PATH", os.defpath)]
    return {
        **os.environ,
        **exported((FOLDER / "env").read_text(encoding="utf-8")),
        "VIRTUAL_ENV": str(VENV),
        "PATH": os.pathsep.join(folders),
        # The local Entra has no replication delay, so the stand-in does not need to wait as the official plugin does.
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }


def main() -> None:
    """Run the demo. The sandbox keeps running."""
    if shutil.which("git") is None:
        msg = "the demo needs git, which is not on PATH; install it"
        raise Problem(msg)
    began = time.monotonic()
    program = pulumi_cli.set_up()
    up = [str(COMMAND), "sandbox", "up", "--tenants", str(TENANTS), "--directory", str(SANDBOX)]
    up += sandbox_ports.options(SANDBOX)
    print(f"\n== Start the sandbox with {TENANTS} tenants: {' '.join(up[1:4])} {TENANTS}", flush=True)
    here = {**os.environ, "KEYCLOAK_HOME": str(keycloak_dist.home())}
    if subprocess.run(up, env=here, stdin=subprocess.DEVNULL, check=False).returncode:  # noqa: S603 - our own
        msg = f"the sandbox did not start; see the logs in {SANDBOX / 'logs'}"
        raise Problem(msg)
    shell = Shell(_environment(program), began)
    print(f"\nUsing {azuread_plugin.install(Path(shell.env['PULUMI_HOME'])).text}", flush=True)

    shell.title("Commit the fleet to a git repository")
    if not (FOLDER / ".git").exists():
        shell.git("init", "--quiet", "--initial-branch=main")
    shell.git("add", "--all")
    shell.git("commit", "--quiet", "--allow-empty", "--message=The fleet")
    shell.fleet("list")

    shell.title("Set up all tenants, canaries first")
    shell.fleet("up", "--yes", "--canary", "canary", "--refresh")

    shell.title("Change settings on a branch and show the pull request's comment")
    shell.git("switch", "--quiet", "--force-create", "change", "main")
    _change(_threshold())
    shell.git("commit", "--quiet", "--all", "--message=Raise the deletion threshold in EMEA")
    shell.fleet("preview", "--changed-since", "main", "--comment", "comment.md", expected=(2,))
    lines = (FOLDER / "comment.md").read_text(encoding="utf-8").splitlines()
    print("\n" + "\n".join(f"    {line}" for line in lines[:_COMMENT_LINES]), flush=True)

    shell.title("Merge the change and apply it to the tenants that it affects")
    shell.git("switch", "--quiet", "main")
    shell.git("merge", "--quiet", "--no-ff", "--message=Merge the change", "change")
    shell.fleet("up", "--yes", "--changed-since", "main^1")
    shell.fleet("preview")

    shell.title("Change one tenant by hand, and let another tenant's endpoint reject Entra")
    shell.run(COMMAND, "sandbox", "break", "drift", DRIFTED, "--directory", SANDBOX)
    shell.run(COMMAND, "sandbox", "break", "quarantine", QUARANTINED, "--directory", SANDBOX)
    shell.fleet("drift", expected=(3,))
    shell.fleet("status", expected=(2,))

    shell.title("Write the fleet's page")
    shell.fleet("report", "--html", "fleet.html")

    shell.title("Repair the cause of the quarantine and apply the repository's settings again")
    shell.run(COMMAND, "sandbox", "break", "quarantine", QUARANTINED, "--repair", "--directory", SANDBOX)
    shell.fleet("up", "--yes", "--refresh", DRIFTED, QUARANTINED)
    shell.fleet("drift")
    print(
        f"\nThe demo took {time.monotonic() - began:.0f} s. The sandbox is still running. To explore it:\n"
        f"    {FOLDER / 'fleet.html'}      the page, to open in a browser\n"
        f"    {FOLDER / 'comment.md'}      the complete comment\n"
        f"    source .venv/bin/activate && cd {FOLDER.relative_to(SANDBOX.parent)} && source env\n"
        "    kzero-scim fleet preview --tag emea   see docs/fleet.md for more\n"
        "To set up a pipeline, see docs/gitops.md. To stop the sandbox and remove its files: make clean"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    run_main(main)
