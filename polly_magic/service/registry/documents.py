"""What a manifest says: read from bytes that anybody may have sent.

Images and indexes of the OCI image specification and of Docker (schema 2):
https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md and image-index.md, descriptor.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from polly_magic.references import is_digest
from polly_magic.service.oci_errors import OciError

__all__ = [
    "INDEX",
    "LIMIT",
    "MEDIA_TYPES",
    "Descriptor",
    "Manifest",
    "is_platform",
    "parse_manifest",
    "platform_of",
    "read_json",
]

LIMIT = 4 << 20
"""Bytes that a manifest may have."""

INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_IMAGE = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = frozenset({INDEX, _DOCKER_INDEX, _IMAGE, _DOCKER_IMAGE})

# Whoever has the right to these layers gets them elsewhere; a registry need not have them.
_NOT_DISTRIBUTABLE = re.compile(
    r"application/vnd\.(docker\.image\.rootfs\.foreign\.|oci\.image\.layer\.nondistributable\.).*"
)
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,126}/[A-Za-z0-9][\w!#$&^.+-]{0,126}", re.ASCII)
_PLATFORM_PART = re.compile(r"[\w.+-]{1,64}", re.ASCII)
_MOST_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference from one piece of content to another.

    Parameters
    ----------
    media_type : str
        Empty where it is left out.
    digest : str
    size : int
    data : bytes, optional
        The content itself, where it was enclosed; it has the digest and size.
    platform : str, optional
        Such as ``linux/arm64/v8``.
    """

    media_type: str
    digest: str
    size: int
    data: bytes | None = None
    platform: str | None = None

    @property
    def is_manifest(self) -> bool:
        """Whether it refers to a manifest, rather than a blob."""
        return self.media_type in MEDIA_TYPES

    @property
    def must_be_present(self) -> bool:
        """Whether a registry that keeps the manifest must have what this refers to."""
        return not _NOT_DISTRIBUTABLE.fullmatch(self.media_type)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the registry needs to know of a manifest.

    Parameters
    ----------
    media_type : str
    content : bytes
        As it was pushed.
    config : Descriptor or None
        Of an image.
    layers : tuple of Descriptor
        Of an image.
    children : tuple of Descriptor
        Of an index.
    subject : str or None
        Digest of the manifest that this one is about.
    artifact_type : str or None
    """

    media_type: str
    content: bytes
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: str | None
    artifact_type: str | None

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """All that it consists of."""
        return (*([self.config] if self.config else []), *self.layers, *self.children)


def parse_manifest(content: bytes, content_type: str | None) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    content : bytes
    content_type : str, optional
        As the request's header has it, without parameters.

    Raises
    ------
    OciError
        MANIFEST_INVALID, with what is wrong and where.

    Examples
    --------
    >>> manifest = parse_manifest(b'{"schemaVersion": 2, "manifests": []}', INDEX)
    >>> manifest.descriptors
    ()
    """
    document = read_json(content)
    if not isinstance(document, dict):
        _refuse("a manifest is a JSON object")
    own_type = document.get("mediaType")
    if own_type is not None and content_type is not None and own_type != content_type:
        _refuse(f"its mediaType is {_shown(own_type)}, the Content-Type of the request {content_type!r}")
    media_type = own_type or content_type
    if media_type is None:
        _refuse("neither its mediaType nor the Content-Type of the request says what it is")
    if not isinstance(media_type, str) or media_type not in MEDIA_TYPES:
        _refuse(f"{_shown(media_type)} is no type of manifest that this service keeps")
    if document.get("schemaVersion") != 2 or isinstance(document["schemaVersion"], bool):
        _refuse("its schemaVersion is not 2")
    is_index = media_type in {INDEX, _DOCKER_INDEX}
    # Content that is an image to one reader and an index to another hides one of them from view.
    for foreign in ("config", "layers") if is_index else ("manifests",):
        if document.get(foreign):
            _refuse(f"{'an index' if is_index else 'an image'} has no {foreign}")
    manifest = Manifest(
        media_type,
        content,
        config=None if is_index else _descriptor(document.get("config"), "config"),
        layers=() if is_index else _descriptors(document, "layers"),
        children=_descriptors(document, "manifests") if is_index else (),
        subject=_descriptor(document["subject"], "subject").digest if document.get("subject") is not None else None,
        artifact_type=_media_type(document, "artifactType", "") or None,
    )
    if sum(descriptor.size for descriptor in manifest.descriptors) > _MOST_BYTES:
        _refuse("its parts are larger than any disk")
    return manifest


def read_json(content: bytes) -> Any:
    """Read JSON as strictly as RFC 8259 allows, for content that is kept and handed on to other readers.

    Raises
    ------
    OciError
        MANIFEST_INVALID: also for what readers understand differently (a key twice, numbers beyond 64 bits).
    """
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=lambda text: _refuse(f"{text} is no JSON"),
        )
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:
        _refuse(f"it is no JSON: {error}")


def is_platform(text: str) -> bool:
    """Whether this is a platform that an image runs on; attestations have ``unknown/unknown``."""
    return not text.startswith("unknown/")


def platform_of(document: Any) -> str | None:
    """Return the platform that an image's configuration or a descriptor's ``platform`` names.

    Examples
    --------
    >>> platform_of({"os": "linux", "architecture": "arm64", "variant": "v8"})
    'linux/arm64/v8'
    """
    if not isinstance(document, dict):
        return None
    parts: list[Any] = [document.get("os"), document.get("architecture")]
    if document.get("variant"):
        parts.append(document["variant"])
    if all(isinstance(part, str) and _PLATFORM_PART.fullmatch(part) for part in parts):
        return "/".join(parts)
    return None


def _descriptors(document: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    values = document.get(key)
    # Go writes an empty list as null.
    if values is None and key in document:
        return ()
    if not isinstance(values, list):
        _refuse(f"it has no list of {key}")
    return tuple(_descriptor(value, f"{key}[{number}]") for number, value in enumerate(values))


def _descriptor(value: Any, where: str) -> Descriptor:
    if not isinstance(value, dict):
        _refuse(f"{where} is no descriptor")
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        _refuse(f"{where}.digest is no digest: {_shown(digest)}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        _refuse(f"{where}.size is no size: {_shown(size)}")
    media_type = _media_type(value, "mediaType", f"{where}.")
    data = value.get("data")
    if data is not None:
        data = _enclosed(data, digest, size, where)
    return Descriptor(media_type, digest, size, data, platform_of(value.get("platform")))


def _enclosed(data: Any, digest: str, size: int, where: str) -> bytes:
    try:
        content = base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error):
        _refuse(f"{where}.data is not in base64")
    algorithm = digest.partition(":")[0]
    if len(content) != size or f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}" != digest:
        _refuse(f"{where}.data is not what its digest and size say")
    return content


def _media_type(document: dict[str, Any], key: str, where: str) -> str:
    value = document.get(key)
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        _refuse(f"{where}{key} is no media type: {_shown(value)}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        _refuse("a key stands twice in one object")
    return document


def _integer(text: str) -> int:
    # 19 digits and a sign hold every number of 64 bits; reading millions of digits would take minutes.
    if len(text) > 20 or abs(number := int(text)) > _MOST_BYTES:
        _refuse(f"a number has {len(text)} digits")
    return number


def _shown(value: Any) -> str:
    # Not the repr of a list or object: it may be nested too deeply for that.
    text = ascii(value) if value is None or isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def _refuse(reason: str) -> NoReturn:
    raise OciError("MANIFEST_INVALID", f"This is no valid manifest: {reason}.")
