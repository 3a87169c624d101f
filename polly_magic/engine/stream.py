"""What the engine tells of a container while it goes on: its output, and its end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

    import requests
    from docker.api.client import APIClient

__all__ = ["attach", "exit_of"]


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
