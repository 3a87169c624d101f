"""What every run of a notebook leaves behind: nothing."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """See that a run takes its directory and its processes with it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert not [*tmp_path.glob("polly-reproduce-*")]
    assert not psutil.Process().children(recursive=True)
