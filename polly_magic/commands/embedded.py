"""The repository service of this machine: what ``login --local`` starts and ``logout`` ends."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.serve import require_service
from polly_magic.docker_config import unregister_helper
from polly_magic.errors import NotLoggedIn, PollyError
from polly_magic.settings import Login, Service, current_service, find_login, forget, service_at

if TYPE_CHECKING:
    from polly_magic.commands.command import Face

__all__ = ["enter", "leave"]


def enter(data: Path, face: Face, *, organization: str | None, email: str | None) -> Login:
    """Start the service of a data directory if it does not run, and return a key for it.

    A key that is kept already and still good is taken again, so that a notebook may log in each time it runs.
    """
    require_service()
    from polly_magic.service.local import ensure_running, issue_local_key

    running = ensure_running(data, organization=organization, email=email)
    if running.started:
        _mark(data).write_text(str(running.pid))
        face.note(f"Started the repository service of this machine at {running.url}; its files are in {data}.")
    service = Service(running.url, service_at(running.url).registry, str(data))
    _drop_older_place(service)
    return _kept(service) or Login(service, issue_local_key(data))


def leave(service: Service, face: Face) -> None:
    """Make the kept key useless, and end the service if `enter` started it."""
    data = Path(str(service.data))
    login = find_login(service.registry)
    if not data.is_dir():
        return
    try:
        require_service()
        from polly_magic.service.local import revoke, stop

        if login and login.service == service:
            revoke(data, login.key)
        if _was_started_by_us(data) and stop(data):
            face.note(f"Stopped the service; its repositories stay in {data}. %polly_dockers login --local starts it.")
            _mark(data).unlink(missing_ok=True)
    except PollyError as error:
        # No reason to stay logged in: the rest of the logout goes on.
        face.note(f"The service of {data} was left as it is: {error}")


def _kept(service: Service) -> Login | None:
    from polly_magic.api import Client

    login = find_login(service.registry)
    if login is None or login.service != service:
        return None
    try:
        with Client(login) as client:
            client.me()
    except NotLoggedIn:
        return None
    return login


def _drop_older_place(service: Service) -> None:
    # Another program had taken the port that the service had last time.
    older = current_service()
    if older.data == service.data and older != service:
        forget(older)
        unregister_helper(older.registry)


def _mark(data: Path) -> Path:
    return data / "started-by-login.pid"


def _was_started_by_us(data: Path) -> bool:
    from polly_magic.service.state import read_state

    state = read_state(data)
    with contextlib.suppress(OSError):
        return state is not None and _mark(data).read_text() == str(state.pid)
    return False
