"""What an image says of itself: its layers, labels, entry point and the names of its variables."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from polly_magic.errors import ServiceFailure
from polly_magic.references import parse
from polly_magic.registry import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polly_magic.api import Client
    from polly_magic.models import Commit

__all__ = ["ImageDetails", "read_details"]

_LIFETIME = 300
_LARGEST_CONFIG = 4 << 20
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class ImageDetails:
    """One image; of an index, the one for this machine or else the first.

    Parameters
    ----------
    platform : str
        Which one it is, such as ``"linux/amd64"``.
    layers : tuple of (str, int)
        Digest and compressed bytes of each, the lowest first.
    labels : dict
    entrypoint, command : tuple of str
    variables : tuple of str
        Names of the environment; the values may be secrets that somebody left there.
    """

    platform: str
    layers: tuple[tuple[str, int], ...]
    labels: dict[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    variables: tuple[str, ...]


def read_details(client: Client, commit: Commit, check: Callable[[], None] = lambda: None) -> ImageDetails:
    """Read the manifest and config of a commit, with a short-lived token.

    Parameters
    ----------
    client : Client
    commit : Commit
    check : callable, optional
        Called between two requests; may raise to end it.

    Raises
    ------
    NotFound
        The registry has no such manifest, or not for this user.
    ServiceFailure
        It is no image.
    """
    path = parse(commit.repository).path
    token = client.registry_token("pull", _LIFETIME)
    with RegistryClient(client.registry, token.username, token.secret) as registry:
        check()
        manifest = _object(registry.get_manifest(path, commit.commit_hash).content, commit.commit_hash)
        if chosen := _choose(_objects(manifest.get("manifests"))):
            check()
            manifest = _object(registry.get_manifest(path, chosen).content, chosen)
        check()
        digest = _text(_mapping(manifest.get("config")).get("digest"))
        config = _object(_limited(registry.get_blob(path, digest), digest), digest) if digest else {}
    settings = _mapping(config.get("config"))
    return ImageDetails(
        _platform(config),
        tuple((_text(layer.get("digest")), _size(layer.get("size"))) for layer in _objects(manifest.get("layers"))),
        {name: str(value) for name, value in sorted(_mapping(settings.get("Labels")).items())},
        _texts(settings.get("Entrypoint")),
        _texts(settings.get("Cmd")),
        tuple(sorted(variable.partition("=")[0] for variable in _texts(settings.get("Env")))),
    )


def _choose(manifests: list[dict[str, Any]]) -> str:
    """Return the digest of the image for this machine, else of the first one that is an image."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    images = [m for m in manifests if _mapping(m.get("platform")).get("os") != "unknown"] or manifests
    for image in images:
        made_for = _mapping(image.get("platform"))
        if (made_for.get("os"), made_for.get("architecture")) == ("linux", machine):
            return _text(image.get("digest"))
    return _text(images[0].get("digest")) if images else ""


def _platform(config: dict[str, Any]) -> str:
    parts = (_text(config.get(name)) for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _limited(pieces: Iterable[bytes], digest: str) -> bytes:
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > _LARGEST_CONFIG:
            raise ServiceFailure(f"The config {digest} has more than 4 MiB.", "Is this an image? Pull it and look.")
    return content


def _object(content: bytes, digest: str) -> dict[str, Any]:
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ServiceFailure(f"{digest} does not describe an image.", "It can be pulled by what made it.")
    return cast("dict[str, Any]", found)


# An image's maker writes what they like: whatever is not of the type that it should be counts as missing.


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [_mapping(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(i for i in cast("list[object]", value) if isinstance(i, str)) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _size(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0
