"""`serve` and `accounts` where they cannot run: in a notebook, and without the service's own dependencies."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from polly_magic.commands import COMMANDS, parse, serve
from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NOTEBOOK = SimpleNamespace(acts_at_once=False)


def run(*words: str) -> object:
    return COMMANDS[words[0]].run(parse(words, COMMANDS, "%polly_dockers"), NOTEBOOK)


def test_a_notebook_is_shown_the_service_in_the_background(tmp_path: Path):
    with pytest.raises(PollyError, match="login --local"):
        run("serve", "--data", str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_a_notebook_keeps_no_key_in_its_output(tmp_path: Path):
    with pytest.raises(UsageError, match="--key-file"):
        run("accounts", "add", "a@x.io", "--organization", "x", "--data", str(tmp_path / "data"))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("serve",), ("accounts", "list")])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]):
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "aiohttp" else ModuleSpec(name, None))
    monkeypatch.setattr(NOTEBOOK, "acts_at_once", True)
    with pytest.raises(PollyError) as refusal:
        run(*words)
    assert "aiohttp" in refusal.value.problem
    assert "pip install 'polly-magic[service]'" in refusal.value.remedy


def test_the_commands_import_no_service_until_they_run():
    code = (
        "import sys; from polly_magic.commands import COMMANDS; COMMANDS['serve'], COMMANDS['accounts']; "
        "sys.exit(any(name.split('.')[0] in ('aiohttp', 'sqlalchemy', 'alembic', 'jwt') or '.service' in name"
        " for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
