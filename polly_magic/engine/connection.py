"""Reaching the Docker engine, and saying what to do where that fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import DockerException

from polly_magic.errors import EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.api.client import APIClient

__all__ = ["connect", "is_local"]

_DEFAULT = "unix:///var/run/docker.sock"


def connect() -> docker.DockerClient:
    """Return a client of the engine that the ``docker`` program would use, once it has answered.

    ``DOCKER_HOST`` names the engine, else Docker's current context does.

    Raises
    ------
    EngineUnavailable
        No engine, no permission, or a wrong ``DOCKER_HOST``; with the remedy for each.
    """
    try:
        return docker.from_env()
    # requests and urllib3 raise ValueErrors of many kinds for a host that makes no URL
    except (DockerException, requests.RequestException, ValueError) as error:
        raise _unavailable(error) from error
    except Exception as error:  # for a damaged configuration the SDK raises whatever comes up
        place = os.environ.get("DOCKER_CONFIG") or "~/.docker"
        raise EngineUnavailable(
            f"Docker's own configuration cannot be used: {error}.",
            f"Correct or remove config.json and contexts in {place}, then see whether docker info works.",
        ) from error


def is_local(api: APIClient) -> bool:
    """Whether the engine runs where this process does: its loopback and its directories are this machine's."""
    address = urlsplit(api.base_url)
    if address.scheme == "http+docker":  # a socket of this machine, or one that ssh leads to
        return address.netloc != "ssh"
    return address.hostname in ("localhost", "127.0.0.1", "::1")


def _unavailable(error: Exception) -> EngineUnavailable:
    named = os.environ.get("DOCKER_HOST", "")
    place = named or _DEFAULT
    causes = [*_causes(error)]
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineUnavailable(
            f"You are not permitted to use the Docker engine at {place}.",
            "Add yourself to its group, then log in again: sudo usermod -aG docker $USER",
        )
    if named:
        return EngineUnavailable(
            f"No Docker engine answers at DOCKER_HOST={named}: {causes[-1]}.",
            "Correct DOCKER_HOST, or unset it to use this machine's engine.",
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return EngineUnavailable(
            f"No Docker engine runs at {place}.",
            "Start it: sudo systemctl start docker (or open Docker Desktop). To install it: https://docs.docker.com/engine",
        )
    return EngineUnavailable(
        f"The Docker engine does not answer: {causes[-1]}.", "See what the docker program says: docker info"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and everything below it; requests and urllib3 keep the cause among the arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [current.__context__, current.__cause__, getattr(current, "reason", None), *current.args]
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]
