"""What is light stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp", "alembic", "anywidget", "docker", "ipywidgets", "jinja2", "jwt", "keyring", "nbformat", "numpy",
    "pandas", "polly_magic.service", "requests", "rich", "sqlalchemy",
}  # fmt: skip
# IPython brings these along by itself, or not, as its version has it.
LOAD = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import sys
before = set(sys.modules)
shell.run_line_magic("load_ext", "polly_magic")
assert "polly_dockers" in shell.magics_manager.magics["line"]
sys.stderr.write("\\n".join(set(sys.modules) - before))
"""


def imported(*command: str) -> set[str]:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=60, check=True)
    lines = done.stderr.splitlines()
    return {line.rpartition("|")[2].strip() for line in lines}


def heavy(modules: set[str]) -> set[str]:
    return {name for name in HEAVY if any(module == name or module.startswith(f"{name}.") for module in modules)}


def test_load_ext_imports_nothing_heavy() -> None:
    modules = imported("-c", LOAD)
    assert "polly_magic.magics" in modules
    assert heavy(modules) == set()


@pytest.mark.parametrize("module", ["polly_magic", "polly_magic.terminal", "polly_magic.credential_helper"])
def test_program_starts_without_anything_heavy(module: str) -> None:
    modules = imported("-X", "importtime", "-c", f"import {module}")
    assert module in modules
    assert heavy(modules) == set()
    assert "IPython" not in modules


def test_a_jupyter_server_that_lists_its_kernels_stays_light() -> None:
    before = imported("-X", "importtime", "-c", "import jupyter_client.provisioning")
    modules = imported("-X", "importtime", "-c", "import polly_magic.kernels.provisioner") - before
    assert "polly_magic.kernels.provisioner" in modules
    assert heavy(modules) == set()


def test_public_names_come_when_they_are_asked_for() -> None:
    program = "import polly_magic as p; print(p.Client.__name__, p.Reference.__name__, p.PollyError.__name__, dir(p))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("Client Reference PollyError ['Client', 'Panel', 'PollyError', 'Reference', ")
