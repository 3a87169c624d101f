"""Docker's ``config.json``: our credential helper in and out, whatever else stands there untouched.

Docker asks the helper in ``credHelpers`` first, so that no password needs to lie in the file. Podman and skopeo read
the same file, in ``DOCKER_CONFIG`` or ``~/.docker``, after their own (``REGISTRY_AUTH_FILE``, else
``$XDG_RUNTIME_DIR/containers/auth.json``): an entry for the registry there goes before ours.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from polly_magic.errors import PollyError

__all__ = ["config_path", "has_password", "helped_registries", "register_helper", "unregister_helper"]

_HELPER = "polly"


def config_path() -> Path:
    """Return where Docker keeps its configuration (the environment's ``DOCKER_CONFIG`` names the directory)."""
    directory = os.environ.get("DOCKER_CONFIG")
    return (Path(directory) if directory else Path.home() / ".docker") / "config.json"


def register_helper(registry: str) -> bool:
    """Let Docker ask ``docker-credential-polly`` for the passwords of `registry`.

    Parameters
    ----------
    registry : str
        Host, with its port if it has one.

    Returns
    -------
    bool
        Whether the file had to be changed.

    Raises
    ------
    PollyError
        If the file cannot be read, understood or written; it is left as it is then.
    """
    config = _read()
    helpers = _section(config, "credHelpers")
    if helpers.get(registry) == _HELPER:
        return False
    config["credHelpers"] = {**helpers, registry: _HELPER}
    _write(config)
    return True


def unregister_helper(registry: str) -> bool:
    """Undo `register_helper`; another program's helper for `registry` stays.

    Returns
    -------
    bool
        Whether the file had to be changed.

    Raises
    ------
    PollyError
        If the file cannot be read, understood or written; it is left as it is then.
    """
    config = _read()
    helpers = _section(config, "credHelpers")
    if helpers.get(registry) != _HELPER:
        return False
    rest = {host: helper for host, helper in helpers.items() if host != registry}
    if rest:
        config["credHelpers"] = rest
    else:
        del config["credHelpers"]
    _write(config)
    return True


def helped_registries() -> list[str]:
    """Return the registries whose passwords Docker asks ``docker-credential-polly`` for."""
    return [registry for registry, helper in _section(_read(), "credHelpers").items() if helper == _HELPER]


def has_password(registry: str) -> bool:
    """Whether a ``docker login`` to `registry` left its trace in the file."""
    return registry in _section(_read(), "auths")


def _read() -> dict[str, Any]:
    path = config_path()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(f"cannot be read: {error}") from error
    if not text.strip():
        return {}
    try:
        config: object = json.loads(text)
    except ValueError as error:
        raise _unusable(f"is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise _unusable("is no JSON object")
    return cast("dict[str, Any]", config)


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    section: object = config.get(name) or {}
    if not isinstance(section, dict):
        raise _unusable(f"has {name} that is no JSON object")
    return cast("dict[str, Any]", section)


def _write(config: dict[str, Any]) -> None:
    # Docker's own way: a new file takes the old one's place, and where the old one is a link, that of its target.
    path = config_path()
    temporary = ""
    try:
        path = path.resolve()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
        handle, temporary = tempfile.mkstemp(prefix="config.json.", dir=path.parent)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a file descriptor
            Path(temporary).chmod(mode)
            json.dump(config, file, indent="\t", ensure_ascii=False)
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise _unusable(f"cannot be written: {error}") from error


def _unusable(reason: str) -> PollyError:
    return PollyError(
        f"Docker's configuration {config_path()} {reason}.", "Put that right (or move the file away), then try again."
    )
