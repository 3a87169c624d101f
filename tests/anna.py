"""Anna of elucidata, logged in to a service of this machine that all tests share: what her tests ask of it."""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.api import Client
from polly_magic.registry import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Anna:
    """Her programs' environment, and the short ways to what a test starts from."""

    variables: dict[str, str]
    registry: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def docker_config(self) -> Path:
        return Path(self.variables["DOCKER_CONFIG"], "config.json")

    def create(self, start: str = "repository", *, description: str = "for a test") -> str:
        """Make a repository with a name that no other test has, and return the name."""
        name = f"{start}{next(self._numbers)}"
        with Client() as client:
            client.create(f"elucidata/{name}", description=description)
        return name

    def push(self, name: str, tag: str, marker: str) -> str:
        """Push an image that differs by `marker`, and return its digest."""
        with Client() as client:
            token = client.registry_token("pull,push", 600)
        path = f"elucidata/{name}"
        with RegistryClient(self.registry, token.username, token.secret) as registry:
            config = json.dumps(
                {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "author": marker}
            ).encode()
            digest = registry.put_blob(path, config)
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": digest, "size": len(config)},
                "layers": [],
            }
            return registry.put_manifest(path, tag, json.dumps(manifest).encode(), MANIFEST)

    def program(self, *words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of our programs as she would."""
        return subprocess.run(
            words, input=stdin, env=self.variables | variables, capture_output=True, text=True, timeout=60, check=False
        )
