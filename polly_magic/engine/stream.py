"""A container's start, its output, and its end."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docker.errors import APIError

from polly_magic.errors import EngineFailure

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import requests
    from docker.api.client import APIClient

__all__ = ["attach", "exit_of", "start"]


def exit_of(api: APIClient, name: str, condition: str) -> requests.Response:
    """Ask for the exit code before the start: a container that ends at once is gone before one could ask.

    The SDK's own `wait` returns only at the end; this returns once the engine has answered that it waits.

    Parameters
    ----------
    api : docker.api.client.APIClient
    name : str
        Of the container.
    condition : str
        What is waited for: ``next-exit`` or ``removed``.
    """
    response = api.post(
        f"{api.base_url}/v{api.api_version}/containers/{name}/wait",
        params={"condition": condition},
        stream=True,
        timeout=None,
    )
    response.raise_for_status()
    return response


@contextmanager
def attach(api: APIClient, name: str, *, stdin: bool = False) -> Generator[Any]:
    """Follow both output streams of a container, and hold its standard input open where asked."""
    stream: Any = api.attach_socket(name, params={"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1})
    try:
        yield stream
    finally:
        # The stream is a view of the response's connection; the response closes both.
        getattr(stream, "_response", stream).close()


def start(api: APIClient, name: str, command: Sequence[str], image: str) -> None:
    """Start a container that was created.

    Raises
    ------
    EngineFailure
        Its program cannot be started; `exit_status` is 126 or 127 then as in a shell.
    """
    try:
        api.start(name)
    except APIError as error:
        message = str(error.explanation)
        # the exit codes that a shell and `docker run` give for the same
        if re.search(r"executable file not found|no such file or directory", message):
            status, reason = 127, "is not in"
        elif re.search(r"permission denied|is a directory|exec format error", message):
            status, reason = 126, "cannot be executed in"
        else:
            raise
        program = repr(command[0]) if command else "The program that the image starts"
        failure = EngineFailure(
            f"{program} {reason} {image} (exit code {status}).",
            "Name a program of the image, with its full path if it is not in the image's PATH.",
        )
        failure.exit_status = status
        raise failure from error
