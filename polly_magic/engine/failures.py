"""What the Docker engine says when it fails, and what to do then."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import urllib3
from docker.errors import APIError, DockerException

from polly_magic.errors import EngineFailure
from polly_magic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Generator

    from polly_magic.references import Reference

__all__ = ["asked", "explain", "translated"]

# The engine passes on what a registry answered in its own words; the first pattern that is found counts.
# {name} is the repository's path, {repository} has the host before it, {host} stands alone.
_KNOWN = [
    (
        r"name unknown|repository name not known",
        "{repository} does not exist on the service, or not for you.",
        "Create it: %polly_dockers create --name {name} --description DESCRIPTION",
    ),
    (
        r"manifest unknown|manifest for \S+ not found",
        "{reference} is not on the service, or not for you.",
        "See %polly_dockers commit-list --name {name} --all",
    ),
    (
        r"unauthorized|authentication required|no basic auth credentials|incorrect username or password",
        "The service does not know you, or does not let you do this with {repository}.",
        "Log in again: %polly_dockers login",
    ),
    (
        r"\brunc\b|oci runtime|container process",
        "The Docker engine cannot start a container of {reference}.",
        "See whether it starts others: docker run --rm {reference}",
    ),
    (
        r"denied|forbidden",
        "The service does not let you do this with {repository}.",
        "Ask an administrator of {organization}, or log in as someone else: %polly_dockers login",
    ),
    (
        r"insufficient storage|status: 507|disk quota|storage is full|no room",
        "The service at {host} has no room for what is pushed.",
        "Nothing of the push is lost from this machine; push again once there is room on the service.",
    ),
    (
        r"no space left on device",
        "The disk of the Docker engine is full.",
        "See what lies there with docker system df, make room with docker system prune, then try again.",
    ),
    (
        r"http response to https client",
        "The Docker engine wants HTTPS, and {host} speaks HTTP.",
        "Let the service be reached by HTTPS, or list {host} under insecure-registries in the engine's daemon.json.",
    ),
    (
        r"x509|certificate",
        "The Docker engine does not trust the certificate of {host}.",
        "Put the certificate of its authority into /etc/docker/certs.d/{host}/ca.crt where the engine runs.",
    ),
    (
        (
            r"connection refused|no such host|i/o timeout|network is unreachable|no route to host|connection reset"
            r"|request canceled|deadline exceeded|unexpected eof|: eof"
        ),
        "The Docker engine does not reach the service at {host}.",
        "See whether the service runs; it is the engine that must reach it, wherever that runs.",
    ),
    (
        r"toomanyrequests|too many requests|status: 429",
        "The service at {host} is asked too much at once.",
        "Wait a minute, then try again.",
    ),
    (
        r"no matching manifest for|does not match the specified platform",
        "{reference} is not made for this machine's kind of processor.",
        "See its platforms: %polly_dockers commit-list --name {name} --all",
    ),
    (
        r"port is already allocated|address already in use",
        "Another program has taken a port that {reference} was to have.",
        "Start it again; it gets other ports then.",
    ),
    (
        r"bind source path does not exist|bind mount source path|invalid mount config",
        "A directory that {reference} was to see is not on the Docker engine's machine.",
        "Name directories that exist where the engine runs.",
    ),
    (
        r"could not select device driver|nvidia",
        "The Docker engine has no such GPU for {reference}.",
        "Ask for none, or install the NVIDIA container toolkit where the engine runs.",
    ),
    (
        r"range of cpus|nanocpus|memory limit|minimum memory",
        "The Docker engine cannot give {reference} this much memory or processor.",
        "Ask for what the machine has.",
    ),
    (
        r"filesystem layer verification failed|unexpected commit digest|digest mismatch|digest invalid",
        "What arrived of {reference} is not what its digest says.",
        "Try again; if it stays so, the service or something on the way to it damages data.",
    ),
]


def explain(message: str, reference: Reference) -> EngineFailure:
    """Make the engine's message an error that says what to do.

    Examples
    --------
    >>> from polly_magic.references import parse
    >>> print(explain("write /tmp/x: no space left on device", parse("localhost/elucidata/16june")))
    The disk of the Docker engine is full. (write /tmp/x: no space left on device)
    See what lies there with docker system df, make room with docker system prune, then try again.
    """
    message = " ".join(redact(message).split())
    fields = {
        "reference": str(reference),
        "repository": reference.repository,
        "name": reference.path,
        "host": reference.host,
        "organization": reference.organization,
    }
    for pattern, problem, remedy in _KNOWN:
        if re.search(pattern, message, re.IGNORECASE):
            return EngineFailure(f"{problem.format(**fields)} ({message})", remedy.format(**fields))
    return EngineFailure(
        f"The Docker engine failed with {reference}: {message}", "See what the docker program says: docker info"
    )


@contextmanager
def translated(reference: Reference) -> Generator[None]:
    """Make every error of the SDK in the block an `EngineFailure` about `reference`."""
    try:
        yield
    except APIError as error:
        raise explain(str(error.explanation or error), reference) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineFailure(
            f"The Docker engine stopped answering: {redact(str(error))}", "See whether it runs: docker info"
        ) from error


@contextmanager
def asked() -> Generator[None]:
    """Make every error of the SDK in the block, which is about no image, an `EngineFailure`."""
    try:
        yield
    except (APIError, requests.RequestException) as error:
        raise EngineFailure(f"The Docker engine does not tell: {error}.", "See whether docker info works.") from error
