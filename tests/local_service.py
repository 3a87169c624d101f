"""The service of this machine as a user starts it, in a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
ANNA = "anna@elucidata.io"


def environment(home: Path) -> dict[str, str]:
    """What a program needs to keep every file below `home`, and to find our programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POLLY_", "JPY_"))}
    return kept | {
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
        "POLLY_MAGIC_HOME": str(home / "polly"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "DOCKER_CONFIG": str(home / "docker"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_DATA_DIR": str(home / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter-runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "COLUMNS": "200",
    }


@contextmanager
def logged_in(home: Path) -> Iterator[dict[str, str]]:
    """Start the service, log in as Anna of elucidata, give the environment of programs; in the end stop it again."""
    variables = environment(home)
    who = ["--organization", "elucidata", "--email", ANNA]
    try:
        run(variables, "polly-dockers", "login", "--local", *who)
        yield variables
    finally:
        run(variables, "polly-dockers", "logout")


def run(variables: dict[str, str], *command: str, timeout: float = 60, cwd: Path | None = None) -> str:
    """Run a program, and return what it printed; fail with all it said where it fails."""
    done = subprocess.run(command, env=variables, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
