"""Where keys lie: in the system's keyring, or where none works in a file that only its owner can read.

The keyring knows a key as service ``polly-magic``, user = the URL of the API.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from polly_magic.errors import NotLoggedIn, PollyError
from polly_magic.redaction import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

Place = Literal["keyring", "file"]
T = TypeVar("T")

__all__ = ["Place", "drop_key", "find_key", "keep_key", "read_json", "write_private"]

_SERVICE = "polly-magic"
# Somebody may have to type the keyring's password into a dialog; nobody may have to wait for a dialog that isn't there.
_PATIENCE = 30.0
_log = logging.getLogger(__name__)


def keep_key(api_url: str, key: Secret, path: Path) -> Place:
    """Store the key of a service, and say where.

    Parameters
    ----------
    api_url : str
    key : Secret
    path : Path
        The file to take where the keyring fails.
    """
    try:
        _ask_keyring(lambda keyring: _set_and_check(keyring, api_url, key))
    except _KeyringError as failure:
        _log.info("The key goes to %s: %s", path, failure)
        write_private(path, {**_read_keys(path), api_url: key.reveal()})
        return "file"
    _drop_from_file(api_url, path)
    return "keyring"


def find_key(api_url: str, path: Path, place: Place | None) -> Secret | None:
    """Look a key up where it was put, or in both places if that is not known.

    Raises
    ------
    NotLoggedIn
        The key was put into the keyring, and the keyring does not give it back now.
    """
    if place != "file":
        try:
            text = _ask_keyring(lambda keyring: keyring.get_password(_SERVICE, api_url))
        except _KeyringError as failure:
            if place == "keyring":
                raise NotLoggedIn(
                    f"The keyring holds the key of {api_url}, but {failure}.",
                    "Unlock the keyring, or run %polly_dockers login",
                ) from failure
            text = None
        if text:
            return Secret(text)
    text = _read_keys(path).get(api_url)
    return Secret(text) if text else None


def drop_key(api_url: str, path: Path, place: Place | None) -> bool:
    """Delete a key from both places, and say whether there was one.

    Raises
    ------
    PollyError
        The keyring holds the key and does not let it go.
    """
    in_file = _drop_from_file(api_url, path)
    if place == "file":
        return in_file
    try:
        in_keyring = _ask_keyring(lambda keyring: _delete(keyring, api_url))
    except _KeyringError as failure:
        if place == "keyring":
            raise PollyError(
                f"The key of {api_url} is still in the keyring: {failure}.",
                f"Unlock the keyring and run: keyring del {_SERVICE} {api_url}",
            ) from failure
        in_keyring = False
    return in_keyring or in_file


def read_json(path: Path) -> dict[str, Any]:
    """Read one of our own files; empty where there is none.

    Raises
    ------
    PollyError
        It cannot be read or holds no JSON object.
    """
    try:
        content: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PollyError(f"{path} cannot be read: {error.strerror}.", "Make it readable for you alone.") from error
    except ValueError as error:
        # The decoder's own message quotes nothing of the content, but its exception holds all of it.
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "not UTF-8"
        raise _broken(path, where) from None
    if not isinstance(content, dict):
        raise _broken(path, "no object")
    return cast("dict[str, Any]", content)


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Replace a file as a whole by one that only its owner can read, from its first byte on.

    Raises
    ------
    PollyError
        It cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link that somebody made for a reason stays one
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)  # noqa: PTH105 - both are plain names here
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108
            raise
    except OSError as error:
        raise PollyError(
            f"{path} cannot be written: {error.strerror}.",
            "Make room or give yourself permission, or set POLLY_MAGIC_HOME to another directory.",
        ) from error


class _KeyringError(Exception):
    """The keyring is absent, fails, or does not answer."""


def _ask_keyring(call: Callable[[Any], T]) -> T:
    """Do something with the keyring's module, in a thread that can be left behind when it hangs."""
    answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            import keyring

            answers.put((call(keyring), None))
        except Exception as error:  # noqa: BLE001 - backends are other people's and raise what they like
            answers.put((None, error))

    threading.Thread(target=ask, name="keyring", daemon=True).start()
    try:
        value, error = answers.get(timeout=_PATIENCE)
    except queue.Empty:
        raise _KeyringError(f"it did not answer within {_PATIENCE:g} s") from None
    if error is not None:
        # Its message is a stranger's and may quote what was to be stored: its kind must do.
        raise _KeyringError(f"it failed with {type(error).__name__}")
    return cast("T", value)


def _set_and_check(keyring: Any, api_url: str, key: Secret) -> None:
    keyring.set_password(_SERVICE, api_url, key.reveal())
    if keyring.get_password(_SERVICE, api_url) != key.reveal():  # keyring's null backend keeps nothing, silently
        raise _KeyringError("it does not keep what it is given")


def _delete(keyring: Any, api_url: str) -> bool:
    from keyring.errors import PasswordDeleteError

    if keyring.get_password(_SERVICE, api_url) is None:
        return False
    try:
        keyring.delete_password(_SERVICE, api_url)
    except PasswordDeleteError:
        if keyring.get_password(_SERVICE, api_url) is not None:
            raise
    return True


def _read_keys(path: Path) -> dict[str, str]:
    with contextlib.suppress(FileNotFoundError):
        _make_private(path)
    keys = read_json(path)
    if not all(isinstance(key, str) for key in keys.values()):
        raise _broken(path, "a key is no text")
    return keys


def _make_private(path: Path) -> None:
    if os.name != "posix":
        return
    mode = path.stat().st_mode & 0o777
    if not mode & 0o077:
        return
    try:
        path.chmod(0o600)
    except OSError as error:
        raise PollyError(
            f"Others can read the keys in {path}, and that cannot be changed: {error.strerror}.",
            "Remove the file, then run %polly_dockers login with a new key.",
        ) from error
    _log.warning(
        "Others could read the keys in %s (mode %03o). It is yours alone now; take new keys if they may have done so.",
        path,
        mode,
    )


def _drop_from_file(api_url: str, path: Path) -> bool:
    keys = _read_keys(path)
    if keys.pop(api_url, None) is None:
        return False
    write_private(path, keys)
    return True


def _broken(path: Path, where: str) -> PollyError:
    return PollyError(f"{path} is damaged ({where}).", "Correct or remove it, then run %polly_dockers login")
