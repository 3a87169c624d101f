"""What an image says of itself, and what a stranger's image may say."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.api import Client
from polly_magic.errors import ServiceFailure
from polly_magic.panel.image_details import ImageDetails, read_details
from polly_magic.registry import RegistryClient

if TYPE_CHECKING:
    from tests.anna import Anna

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Pusher:
    """Pushes whatever manifests a test makes up, and reads them as the panel does."""

    def __init__(self, anna: Anna) -> None:
        self.name = anna.create()
        self._path = f"elucidata/{self.name}"
        with Client() as client:
            token = client.registry_token("pull,push", 600)
        self._registry = RegistryClient(anna.registry, token.username, token.secret)

    def blob(self, content: bytes) -> dict[str, Any]:
        return {"mediaType": LAYER, "digest": self._registry.put_blob(self._path, content), "size": len(content)}

    def image(self, config: object, *layers: bytes, tag: str = "") -> str:
        described = self.blob(config if isinstance(config, bytes) else json.dumps(config).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described | {"mediaType": CONFIG},
            "layers": [self.blob(layer) for layer in layers],
        }
        return self.put(manifest, MANIFEST, tag)

    def put(self, manifest: dict[str, Any], media_type: str, tag: str = "") -> str:
        import hashlib

        content = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return self._registry.put_manifest(self._path, tag or digest, content, media_type)

    def read(self, digest: str) -> ImageDetails:
        with Client() as client:
            (commit,) = client.commits(self._path, commit_hash=digest)
            return read_details(client, commit)


@pytest.fixture
def pusher(anna: Anna) -> Pusher:
    return Pusher(anna)


def test_names_of_variables_are_read_and_no_values(pusher: Pusher) -> None:
    digest = pusher.image(
        {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "config": {
                "Env": ["PATH=/bin", "TOKEN=left-here-by-mistake"],
                "Labels": {"b": "<b>2</b>", "a": "1"},
                "Entrypoint": ["/bin/sh", "-c"],
                "Cmd": ["echo 1"],
            },
        },
        b"first",
        b"second layer",
        tag="latest",
    )
    details = pusher.read(digest)
    assert details.variables == ("PATH", "TOKEN")
    assert "left-here" not in repr(details)
    assert details.labels == {"a": "1", "b": "<b>2</b>"}
    assert (details.entrypoint, details.command) == (("/bin/sh", "-c"), ("echo 1",))
    assert [size for _, size in details.layers] == [5, 12]
    assert details.platform == "linux/arm64/v8"


def test_index_is_read_for_this_machine_or_else_its_first_image(pusher: Pusher) -> None:
    mine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    images = {
        name: {
            "mediaType": MANIFEST,
            "digest": pusher.image({"os": "linux", "architecture": name}),
            "size": 400,
            "platform": {"os": "linux", "architecture": name},
        }
        for name in ("s390x", mine)
    }
    for manifest in images.values():
        content = pusher._registry.get_manifest(f"elucidata/{pusher.name}", manifest["digest"]).content
        manifest["size"] = len(content)
    both = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*images.values()]}
    assert pusher.read(pusher.put(both, INDEX, "both")).platform == f"linux/{mine}"
    foreign = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [images["s390x"]]}
    assert pusher.read(pusher.put(foreign, INDEX, "foreign")).platform == "linux/s390x"


@pytest.mark.parametrize(
    "config",
    [{}, {"config": None}, {"config": {"Env": "A=1", "Labels": ["x"], "Entrypoint": 7, "Cmd": [1, None]}, "os": 3}],
)
def test_whatever_is_not_as_it_should_be_counts_as_missing(pusher: Pusher, config: object) -> None:
    details = pusher.read(pusher.image(config, tag="latest"))
    assert details == ImageDetails("", (), {}, (), (), ())


def test_config_that_is_no_json_is_an_error_with_a_remedy(pusher: Pusher) -> None:
    digest = pusher.image(b"[" * 20_000, tag="latest")
    with pytest.raises(ServiceFailure, match="does not describe an image"):
        pusher.read(digest)
