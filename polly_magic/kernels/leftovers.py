"""What a killed Jupyter leaves: a container that never started, a connection file. A later start clears it away.

A running container ends by itself with whoever started it.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from polly_magic.errors import PollyError
from polly_magic.kernels.container import LABEL

__all__ = ["clear_leftovers", "mark"]

_OWNER = "polly_container"

_AGE = 60.0
"""Seconds: what is younger may be another Jupyter's, in the middle of a start."""


def mark(connection_file: Path, container: str) -> None:
    """Say in a connection file which container it belongs to."""
    content = json.loads(connection_file.read_text())
    connection_file.write_text(json.dumps({**content, _OWNER: container}, indent=2))


def clear_leftovers() -> None:
    """Remove them; an engine that does not answer has worse to say elsewhere, and later."""
    from jupyter_core.paths import jupyter_runtime_dir

    from polly_magic.engine import Engine

    there: set[str] = set()
    try:
        with Engine() as engine:
            for one in engine.containers(LABEL):
                if one.state in ("created", "exited", "dead") and time.time() - one.created_at > _AGE:
                    engine.remove(one.name)
                else:
                    there.add(one.name)
    except PollyError:
        return
    # A server keeps them in its own directory, nbclient and others among the temporary files.
    kept = [*Path(jupyter_runtime_dir()).glob("kernel-*.json"), *Path(tempfile.gettempdir()).glob("tmp*.json")]
    for file in kept:
        owner = _owner(file)
        if owner and owner not in there:
            with suppress(OSError):  # another user's, among the temporary files
                file.unlink()


def _owner(file: Path) -> str | None:
    """Return whose it is, if it is old enough and one of ours."""
    try:
        if time.time() - file.stat().st_mtime < _AGE:
            return None
        content: Any = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return content.get(_OWNER) if isinstance(content, dict) else None
