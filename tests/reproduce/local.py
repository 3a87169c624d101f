"""Notebooks that run in this machine's own kernel, the way they run in a container's."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from polly_magic.pinning.notebook import read_notebook
from polly_magic.pinning.pin import Pin
from polly_magic.reproduce.copying import Copy, copy_of
from polly_magic.reproduce.running import Run, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from polly_magic.reproduce.cells import Cell

PIN = Pin("localhost:5000/elucidata/16june", f"sha256:{64 * '5'}", "latest", "2026-11-23")
OTHER = Pin("localhost:5000/elucidata/16june", f"sha256:{64 * '6'}", "latest", "2026-11-24")
QUICK = Settings(timeout=30)


def write_kernel(directory: Path, *, module: str = "ipykernel_launcher") -> None:
    """Write a kernelspec of this Python, in the place of a container's."""
    spec = {
        "argv": [sys.executable, "-m", module, "-f", "{connection_file}", "--HistoryManager.enabled=False"],
        "display_name": "of this machine",
        "language": "python",
    }
    (directory / "kernel.json").write_text(json.dumps(spec))


def copy(path: Path, pin: Pin = PIN) -> Copy:
    return copy_of(read_notebook(path), pin)


def run(path: Path, settings: Settings = QUICK, pin: Pin = PIN) -> list[Cell]:
    with Run(copy(path, pin), write_kernel, settings) as running:
        return [*running]


def result(said: object, count: int = 1, **kinds: Any) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "data": {"text/plain": [str(said)]} | kinds,
        "metadata": {},
        "execution_count": count,
    }


def shown(**kinds: Any) -> dict[str, Any]:
    data = {name.replace("_", "/"): value for name, value in kinds.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def stream(said: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": said.splitlines(keepends=True)}
