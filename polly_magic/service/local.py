"""The embedded service: started in the background for one data directory, used and ended by its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from polly_magic.errors import NotFound, PollyError, ServiceUnavailable, StoreUnusable
from polly_magic.redaction import Secret, redact
from polly_magic.service.accounts import issue_key, revoke_key
from polly_magic.service.application import make_data_directory
from polly_magic.service.config import Config
from polly_magic.service.database import Database, open_database
from polly_magic.service.first_start import owner
from polly_magic.service.state import State, is_held, read_state

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

__all__ = ["RunningService", "ensure_running", "issue_local_key", "revoke", "stop"]

# A first start makes the database, on a slow disk; a large database is checked and perhaps migrated.
_START_PATIENCE = 60.0
_STOP_PATIENCE = 20.0
_POLL = 0.05

# Kept so that the interpreter can collect them when they end.
_children: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that answers.

    Parameters
    ----------
    url : str
    pid : int
    started : bool
        Whether this call started it.
    """

    url: str
    pid: int
    started: bool


def ensure_running(data: Path, *, organization: str | None = None, email: str | None = None) -> RunningService:
    """Return the service of a data directory, started in the background if it does not run.

    Parameters
    ----------
    data : Path
    organization, email : str, optional
        For the first start; else both are derived from the operating system's user.

    Raises
    ------
    StoreUnusable
        The data directory cannot be used.
    ServiceUnavailable
        It did not start, or not in time; the message has its own words.
    """
    data = data.expanduser().absolute()
    make_data_directory(data)
    deadline = time.monotonic() + _START_PATIENCE
    try:
        # Whoever comes second finds the service of whoever came first.
        with FileLock(data / "starting.lock", timeout=_START_PATIENCE, mode=0o600):
            if is_held(data):
                state = _await(data, deadline, None)
                return RunningService(state.url, state.pid, started=False)
            (data / "service.json").unlink(missing_ok=True)
            state = _await(data, deadline, _start(data, organization, email))
            return RunningService(state.url, state.pid, started=True)
    except Timeout as error:
        raise _silent(data) from error


def stop(data: Path) -> bool:
    """End the service of a data directory; return whether one ran.

    Raises
    ------
    ServiceUnavailable
        It is somebody else's, or does not end.
    """
    data = data.expanduser().absolute()
    deadline = time.monotonic() + _STOP_PATIENCE
    ran = False
    while is_held(data):
        state = read_state(data)
        if state and not ran:
            ran = True
            try:
                os.kill(state.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass  # it ended by itself
            except PermissionError as error:
                raise ServiceUnavailable(
                    f"The service at {state.url} (process {state.pid}) belongs to another user.", "Ask them to end it."
                ) from error
        if time.monotonic() > deadline:
            raise ServiceUnavailable(
                f"The service of {data} does not end.", f"See {data / 'service.log'}, or end its process by force."
            )
        time.sleep(_POLL)
    (data / "service.json").unlink(missing_ok=True)
    if child := _children.pop(data, None):
        child.wait()
    return ran


def issue_local_key(data: Path) -> Secret:
    """Give the owner of a data directory a new key, for the account of the operating system's user.

    Raises
    ------
    NotFound
        There is no such account, nor any administrator.
    """
    database = _database(data)
    try:

        def issue(connection: Connection) -> Secret | None:
            user_id = owner(connection)
            return None if user_id is None else issue_key(connection, user_id)

        key = database.write_now(issue)
    finally:
        database.close()
    if key is None:
        raise NotFound(
            f"The service of {data} has no account for you.",
            f"Run: polly-dockers accounts add you@localhost --organization NAME --role admin --data {data}",
        )
    return key


def revoke(data: Path, key: Secret) -> bool:
    """Make a key useless; return whether it was of any use before."""
    database = _database(data)
    try:
        return database.write_now(lambda connection: revoke_key(connection, key))
    finally:
        database.close()


def _database(data: Path) -> Database:
    path = Config(data).database
    if not path.exists():
        raise StoreUnusable(f"No service has run on {data} yet.", "Run: polly-dockers login --local")
    return open_database(path)


def _start(data: Path, organization: str | None, email: str | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "polly_magic.service", "--data", str(data)]
    command += ["--organization", organization] if organization else []
    command += ["--email", email] if email else []
    # Not the notebook's keys: the service needs none of them, and a process shows its environment to its owner.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POLLY_")}
    descriptor = os.open(data / "service.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=data,
            env=environment,
            start_new_session=True,  # the end of the notebook, or Ctrl-C in it, is not the end of the service
        )
    except OSError as error:
        raise ServiceUnavailable(f"The service can't be started: {error.strerror}.", "") from error
    finally:
        os.close(descriptor)
    if ended := _children.pop(data, None):
        ended.wait(_STOP_PATIENCE)
    _children[data] = child
    return child


def _await(data: Path, deadline: float, child: subprocess.Popen[bytes] | None) -> State:
    """Return where the service listens once it answers."""
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            raise _failed(data)
        state = read_state(data)
        if state and (child is None or state.pid == child.pid) and _answers(state.url):
            return state
        if child is None and not is_held(data):
            raise _failed(data)
        time.sleep(_POLL)
    raise _silent(data)


def _answers(url: str) -> bool:
    import requests

    try:
        # No proxy of the environment stands between this machine and itself.
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"{url}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _failed(data: Path) -> PollyError:
    try:
        lines = redact((data / "service.log").read_text(errors="replace")).splitlines()
    except OSError:
        lines = []
    said = [line for line in lines if line.strip()][-2:] or ["it said nothing."]
    return ServiceUnavailable(f"The service did not start: {said[0]}", " ".join(said[1:]) or f"See {data}/service.log")


def _silent(data: Path) -> PollyError:
    return ServiceUnavailable(
        f"The service of {data} did not answer within {_START_PATIENCE:.0f} s.", f"See {data / 'service.log'}"
    )
