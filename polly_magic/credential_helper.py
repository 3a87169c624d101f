"""``docker-credential-polly``: short-lived passwords for Docker, podman, skopeo and whoever else asks.

Docker's protocol: the verb is the argument, the registry comes on standard input, the answer is JSON on standard
output; so is an error, with exit status 1.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.settings import Login

__all__ = ["main"]

# Docker takes this very text to mean that there is none; anything else is a failure.
_NONE = "credentials not found in native keychain"
_LIFETIME = 4 * 3600
"""Seconds: a long push asks the registry for new tokens with the password that it got at its start."""


def main() -> int:
    """Answer one request; return the exit status."""
    verb, *rest = sys.argv[1:] or [""]
    try:
        if verb == "password":
            print(_password(rest))  # noqa: T201
        elif verb not in _VERBS or rest:
            raise UsageError(
                f"docker-credential-polly has no verb {' '.join(sys.argv[1:])!r}.",
                f"Verbs: {', '.join(_VERBS)}, password HOST. People use polly-dockers.",
            )
        elif answer := _VERBS[verb]():
            print(answer)  # noqa: T201
    except PollyError as error:
        # A password goes through a pipe: what went wrong with it is said beside the pipe.
        text = str(error).replace("%polly_dockers", "polly-dockers")
        if verb == "password":
            print(text, file=sys.stderr)  # noqa: T201
        else:
            print(" ".join(text.splitlines()))  # noqa: T201
        return error.exit_status if verb == "password" else 1
    return 0


def _get() -> str:
    registry = _registry(sys.stdin.read())
    username, password = _credentials(registry)
    return json.dumps({"ServerURL": registry, "Username": username, "Secret": password})


def _store() -> str:
    try:
        registry = _registry(str(json.loads(sys.stdin.read())["ServerURL"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError("This is no JSON with a ServerURL.", "See Docker's protocol of credential helpers.") from error
    if _find(registry) is None:
        raise PollyError(
            f"docker-credential-polly keeps no passwords, and there is no login to {registry}.",
            "Run polly-dockers login",
        )
    return ""  # `get` makes a password of its own each time: the one that Docker was given need not be kept


def _erase() -> str:
    registry = _registry(sys.stdin.read())
    if login := _find(registry):
        from polly_magic.settings import forget

        forget(login.service)
    return ""


def _list() -> str:
    from polly_magic.docker_config import helped_registries

    return json.dumps({registry: "POLLY" for registry in helped_registries() if _find(registry)})


def _version() -> str:
    from importlib.metadata import version

    return f"docker-credential-polly {version('polly-magic')}"


def _password(words: list[str]) -> str:
    if len(words) != 1:
        raise UsageError(
            "password takes one host.",
            "docker-credential-polly password HOST | docker login -u POLLY --password-stdin HOST",
        )
    if sys.stdout.isatty():
        raise UsageError(
            "A password is not shown on a terminal.",
            f"docker-credential-polly password {words[0]} | docker login -u POLLY --password-stdin {words[0]}",
        )
    return _credentials(_registry(words[0]))[1]


def _credentials(registry: str) -> tuple[str, str]:
    login = _find(registry)
    if login is None:
        raise PollyError(_NONE)
    from polly_magic.api import Client

    with Client(login, patience=10.0) as client:
        token = client.registry_token("pull,push", _LIFETIME)
    return token.username, token.secret.reveal()


def _find(registry: str) -> Login | None:
    from polly_magic.settings import find_login

    return find_login(registry)


def _registry(text: str) -> str:
    # Docker says a bare host; some programs say a URL.
    return text.strip().removeprefix("https://").removeprefix("http://").partition("/")[0]


_VERBS: dict[str, Callable[[], str]] = {
    "get": _get,
    "store": _store,
    "erase": _erase,
    "list": _list,
    "version": _version,
}
