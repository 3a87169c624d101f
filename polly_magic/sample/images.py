"""Images and indexes (OCI Image Format Specification 1.1), pushed through the registry client."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polly_magic.registry import RegistryClient
    from polly_magic.sample.layers import Layer

__all__ = ["Image", "index_digest", "labels", "put_image", "put_index"]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    """An image for one platform.

    Parameters
    ----------
    layers : sequence of (str, Layer)
        Each with the step that made it, for the image's history.
    architecture : str
    created : str
        RFC 3339; fixed, so that the digest is.
    entry_point, command : sequence of str, optional
    environment, labels : mapping of str to str, optional
    """

    layers: Sequence[tuple[str, Layer]]
    architecture: str
    created: str
    entry_point: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def config(self) -> bytes:
        """Return the image's configuration."""
        return _json(
            {
                "architecture": self.architecture,
                "os": "linux",
                "created": self.created,
                "config": {
                    "Entrypoint": list(self.entry_point),
                    "Cmd": list(self.command),
                    "Env": [f"{name}={value}" for name, value in self.environment.items()],
                    "Labels": dict(self.labels),
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for _, layer in self.layers]},
                "history": [{"created": self.created, "created_by": step} for step, _ in self.layers],
            }
        )

    def manifest(self) -> bytes:
        """Return the image's manifest."""
        layers = [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for _, layer in self.layers]
        config = self.config()
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)},
                "layers": layers,
                "annotations": dict(self.labels),
            }
        )

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return _digest(self.manifest())


def labels(title: str, version: str, description: str, created: str) -> dict[str, str]:
    """Name the labels of an image as the specification does."""
    values = {"title": title, "version": version, "description": description, "created": created}
    return {f"org.opencontainers.image.{name}": value for name, value in values.items()}


def index_digest(images: Sequence[Image]) -> str:
    """Return the digest of what `put_index` pushes."""
    return _digest(_index(images))


def put_image(registry: RegistryClient, path: str, reference: str, image: Image) -> str:
    """Push an image under a tag or its digest, and return its digest."""
    for _, layer in image.layers:
        with layer.file.open("rb") as content:
            registry.put_blob(path, content, layer.digest)
    registry.put_blob(path, image.config())
    return registry.put_manifest(path, reference, image.manifest(), MANIFEST)


def put_index(registry: RegistryClient, path: str, tag: str, images: Sequence[Image]) -> str:
    """Push images for several platforms under one tag, and return the digest of their index."""
    for image in images:
        put_image(registry, path, image.digest, image)
    return registry.put_manifest(path, tag, _index(images), INDEX)


def _index(images: Sequence[Image]) -> bytes:
    manifests = [(image, image.manifest()) for image in images]
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {
                    "mediaType": MANIFEST,
                    "digest": _digest(manifest),
                    "size": len(manifest),
                    "platform": {"os": "linux", "architecture": image.architecture},
                }
                for image, manifest in manifests
            ],
            "annotations": dict(images[0].labels),
        }
    )


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
