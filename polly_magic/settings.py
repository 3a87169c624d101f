"""Which service, and which key: from the environment, the keyring or credentials file, and the config file.

==================== =========================================================================================
``POLLY_SERVICE``    URL of the API, instead of the one that was logged in to last
``POLLY_API_KEY``    key for that service, or for the one that was logged in to last. One that ``login --local``
                     started has a key of its own and gets this one only where ``POLLY_SERVICE`` names it
``POLLY_REFRESH_TOKEN`` the session inside Polly's own notebooks; for Polly only
``POLLY_TYPE``       which Polly: ``polly`` (default), ``testpolly`` ...
``POLLY_MAGIC_HOME`` directory of every file that is kept
==================== =========================================================================================

A key from the environment is never stored, and never sent to another service.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from polly_magic.errors import NotLoggedIn, PollyError
from polly_magic.keystore import Place, drop_key, find_key, keep_key, read_json, write_private
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.services import POLLY, Service, polly, service_at

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "POLLY",
    "Login",
    "Service",
    "current_login",
    "current_service",
    "find_login",
    "forget",
    "home",
    "remedy_for_refused_key",
    "remember",
    "service_at",
    "service_data",
]

_LOCK_PATIENCE = 10.0


@dataclass(frozen=True)
class Login:
    """A key for a service.

    Parameters
    ----------
    service : Service
    key : Secret
    user : User or None
        Whose key it is, where that is known without asking the service.
    """

    service: Service
    key: Secret
    user: User | None = None


def home() -> Path:
    """Return the directory of the config file and the credentials file. It need not exist."""
    if directory := os.environ.get("POLLY_MAGIC_HOME"):
        return Path(directory).expanduser()
    import platformdirs

    return platformdirs.user_config_path("polly-magic")


def service_data() -> Path:
    """Return the default data directory of the embedded service. It need not exist."""
    if os.environ.get("POLLY_MAGIC_HOME"):
        return home() / "service"
    import platformdirs

    return platformdirs.user_data_path("polly-magic") / "service"


def current_service() -> Service:
    """Return the service that commands talk to.

    ``POLLY_SERVICE`` names it, else the last login, else it is Polly.

    Raises
    ------
    UsageError
        A variable of the environment is no URL, or no name of a Polly.
    PollyError
        The config file is damaged.
    """
    config = _Config.read()
    if url := _variable("POLLY_SERVICE"):
        named = service_at(url)
        return config.service(named.api_url) or named
    return (config.current and config.service(config.current)) or polly(_variable("POLLY_TYPE") or "polly")


def current_login() -> Login:
    """Return the key for the current service.

    Raises
    ------
    NotLoggedIn
        There is none; it names the service and the command.
    """
    service = current_service()
    if login := _login(service):
        return login
    local = " --local" if service.data else ""
    raise NotLoggedIn(f"Not logged in to {service.registry}.", f"Run %polly_dockers login{local}")


def find_login(registry: str) -> Login | None:
    """Return the key for the service whose registry this is, or None.

    Parameters
    ----------
    registry : str
        Host as Docker says it, such as ``docker.polly.elucidata.io`` or ``127.0.0.1:5005``.
    """
    current = current_service()
    for service in [current, *_Config.read().all_services()]:
        if service.registry == registry and (login := _login(service)):
            return login
    return None


def remedy_for_refused_key(login: Login) -> str:
    """Say what to do when the service does not accept the key: the environment's goes before a stored one."""
    for variable in ("POLLY_API_KEY", "POLLY_REFRESH_TOKEN"):
        if _variable(variable) == login.key.reveal():
            return f"Put a valid key into {variable}, or unset it and run %polly_dockers login"
    return f"Run %polly_dockers login{' --local' if login.service.data else ''}"


def remember(login: Login) -> str:
    """Store a key, and make its service the current one.

    Returns
    -------
    str
        Where the key lies now: ``"the system's keyring"``, or the path of a file.

    Raises
    ------
    PollyError
        A file cannot be written.
    """
    with _locked():
        config = _Config.read()
        place = keep_key(login.service.api_url, login.key, _credentials())
        config.put(login.service, login.user, place)
        config.write()
    return "the system's keyring" if place == "keyring" else str(_credentials())


def forget(service: Service) -> bool:
    """Delete the key of a service, and say whether there was one.

    Raises
    ------
    PollyError
        The keyring or a file does not let it go.
    """
    with _locked():
        config = _Config.read()
        dropped = drop_key(service.api_url, _credentials(), config.place(service.api_url))
        if config.remove(service.api_url):
            config.write()
    return dropped


class _Config:
    """The config file: services that were logged in to, and which of them is current. No keys."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content
        self._services: dict[str, dict[str, Any]] = content.setdefault("services", {})
        if not (
            isinstance(content.get("current"), str | None)
            and isinstance(cast("object", self._services), dict)
            and all(_is_entry(entry) for entry in self._services.values())
        ):
            raise PollyError(
                f"{path} is damaged (it does not say what it should).",
                "Correct or remove it, then run %polly_dockers login",
            )

    @classmethod
    def read(cls) -> _Config:
        path = home() / "config.json"
        return cls(path, read_json(path))

    @property
    def current(self) -> str | None:
        return self._content.get("current")

    def service(self, api_url: str) -> Service | None:
        entry = self._services.get(api_url)
        return Service(api_url, entry["registry"], entry.get("data")) if entry else None

    def all_services(self) -> list[Service]:
        return [Service(api_url, entry["registry"], entry.get("data")) for api_url, entry in self._services.items()]

    def user(self, api_url: str) -> User | None:
        user = self._services.get(api_url, {}).get("user")
        return User(user["email"], user["organization"], user["role"]) if user else None

    def place(self, api_url: str) -> Place | None:
        return self._services.get(api_url, {}).get("key_in")

    def put(self, service: Service, user: User | None, place: Place) -> None:
        self._services[service.api_url] = {
            "registry": service.registry,
            "data": service.data,
            "user": asdict(user) if user else None,
            "key_in": place,
        }
        self._content["current"] = service.api_url

    def remove(self, api_url: str) -> bool:
        if self._content.get("current") == api_url:
            del self._content["current"]
        return self._services.pop(api_url, None) is not None

    def write(self) -> None:
        write_private(self._path, self._content)


def _is_entry(entry: object) -> bool:
    match entry:
        case {"registry": str(), "data": str() | None, "user": user, "key_in": "keyring" | "file"}:
            match user:
                case None | {"email": str(), "organization": str(), "role": "member" | "admin"}:
                    return True
                case _:
                    return False
        case _:
            return False


@contextmanager
def _locked() -> Generator[None]:
    """Let no other login or logout of this user come between reading and writing."""
    from filelock import FileLock, Timeout

    path = home() / "lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path, timeout=_LOCK_PATIENCE)
        lock.acquire()
    except Timeout as error:
        raise PollyError(f"Another login or logout is under way ({path} is locked).", "Try again.") from error
    except OSError as error:
        raise PollyError(
            f"{path} cannot be written: {error.strerror}.", "Set POLLY_MAGIC_HOME to a directory of yours."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _login(service: Service) -> Login | None:
    if key := _key_from_environment(service):
        return Login(service, key)
    config = _Config.read()
    key = find_key(service.api_url, _credentials(), config.place(service.api_url))
    return Login(service, key, config.user(service.api_url)) if key else None


def _key_from_environment(service: Service) -> Secret | None:
    named = bool(_variable("POLLY_SERVICE"))
    if service == current_service() and (named or service.data is None) and (key := _variable("POLLY_API_KEY")):
        return Secret(key)
    if service == polly(_variable("POLLY_TYPE") or "polly") and (token := _variable("POLLY_REFRESH_TOKEN")):
        return Secret(token)
    return None


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _credentials() -> Path:
    return home() / "credentials.json"
