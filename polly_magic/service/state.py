"""Which process serves a data directory: a lock that ends with the process, and a file that says where it listens."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from polly_magic.errors import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["State", "hold", "is_held", "publish", "read_state"]

# Somebody who looks whether the lock is held holds it for an instant.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """Where a service listens.

    Parameters
    ----------
    url : str
    pid : int
    version : str
        Of polly-magic.
    """

    url: str
    pid: int
    version: str


@contextmanager
def hold(data: Path) -> Generator[None]:
    """Be the one process that serves `data` while the block runs.

    Raises
    ------
    StoreUnusable
        Another one does; it says which.
    """
    lock = FileLock(data / "lock", mode=0o600)
    try:
        lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
    except Timeout as error:
        state = read_state(data)
        who = f"process {state.pid}, at {state.url}" if state else "which is just starting or ending"
        raise StoreUnusable(
            f"Another service ({who}) uses the data directory {data}.",
            "Use that one, or end it first, or give another directory: --data DIR",
        ) from error
    except OSError as error:
        raise StoreUnusable(
            f"The data directory {data} cannot be locked: {error.strerror}.", "Give a directory of your own: --data DIR"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(data: Path) -> bool:
    """Whether a process serves `data` at this moment, or is about to."""
    if not data.is_dir():
        return False
    try:
        with FileLock(data / "lock", timeout=0, mode=0o600):
            return False
    except Timeout:
        return True


@contextmanager
def publish(data: Path, state: State) -> Generator[None]:
    """Say where the service listens while the block runs; for whoever holds the lock."""
    path = data / "service.json"
    _replace(path, json.dumps(asdict(state)))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_state(data: Path) -> State | None:
    """Return what the last service said; only while the lock is held does it still listen there."""
    try:
        content = json.loads((data / "service.json").read_text())
        return State(str(content["url"]), int(content["pid"]), str(content["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
