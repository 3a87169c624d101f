"""What every test starts from: no settings of whoever runs it, and files of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every file below a directory of the test's own, and return it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("POLLY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker")))
    return home
