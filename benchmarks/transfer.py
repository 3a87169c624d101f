"""Blobs and manifests through the OCI distribution protocol, our service beside CNCF distribution."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.measure import Comparison, compare
from benchmarks.registries import REPOSITORY, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

BIG = 500_000_000
SMALL = 1_000_000
CONCURRENT = 64
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"

_salt = count()


def compare_transfer(ours: Registry, peer: Registry) -> list[Comparison]:
    """Measure pushes, pulls and manifest requests."""
    with tempfile.TemporaryDirectory() as directory:
        big = Path(directory, "big")
        with big.open("wb") as file:
            for _ in range(BIG // SMALL):
                file.write(os.urandom(SMALL))
        digests = {registry.name: _push_file(registry, big)[1] for registry in (ours, peer)}
        manifests = {registry.name: _push_manifest(registry) for registry in (ours, peer)}

        def both(work: Callable[[Registry], float]) -> tuple[Callable[[], float], Callable[[], float]]:
            return (lambda: work(ours)), (lambda: work(peer))

        def pull(registry: Registry) -> float:
            return _pull(registry, digests[registry.name])

        def ask(registry: Registry) -> float:
            return _requests_per_second(registry, f"/v2/{REPOSITORY}/manifests/{manifests[registry.name]}")

        def ask_tag(registry: Registry) -> float:
            return _requests_per_second(registry, f"/v2/{REPOSITORY}/manifests/latest")

        def compared(title: str, unit: str, work: Callable[[Registry], float], aim: str, rounds: int = 5) -> Comparison:
            a, b = both(work)
            result = compare(title, unit, a, b, peer_name=peer.name, aim=aim, rounds=rounds)
            print(result, flush=True)
            return result

        return [
            compared("push one blob of 500 MB", "GB/s", lambda r: _push_changed(r, big), "2.0"),
            compared("pull one blob of 500 MB", "GB/s", pull, "1.0"),
            compared(f"push {CONCURRENT} blobs of 1 MB at once", "GB/s", _push_many, "none"),
            compared("manifests by digest", "requests/s", ask, "3.0"),
            compared("manifests by tag", "requests/s", ask_tag, "3.0"),
        ]


def _push_changed(registry: Registry, path: Path) -> float:
    # A blob that the registry has already would not be written again.
    with path.open("r+b") as file:
        file.write(f"{next(_salt):020d}".encode())
    return _push_file(registry, path)[0]


def _push_file(registry: Registry, path: Path) -> tuple[float, str]:
    with path.open("rb") as file:
        digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    curl = ["curl", "--silent", "--fail-with-body", "--http1.1", "--header", "Expect:", "--output", "/dev/null"]
    begun = time.perf_counter()
    location = _start_upload(registry)
    with _header_file(registry) as headers:
        subprocess.run(
            [*curl, "--header", f"@{headers.name}", "--header", "Content-Type: application/octet-stream"]
            + ["--upload-file", str(path), f"{location}{'&' if '?' in location else '?'}digest={digest}"],
            check=True,
        )
    return size / (time.perf_counter() - begun) / 1e9, digest


def _pull(registry: Registry, digest: str) -> float:
    with _header_file(registry) as headers:
        begun = time.perf_counter()
        subprocess.run(
            ["curl", "--silent", "--fail", "--http1.1", "--header", f"@{headers.name}", "--output", "/dev/null"]
            + [f"http://{registry.host}/v2/{REPOSITORY}/blobs/{digest}"],
            check=True,
        )
    return BIG / (time.perf_counter() - begun) / 1e9


def _push_many(registry: Registry) -> float:
    bodies = [os.urandom(SMALL) for _ in range(CONCURRENT)]
    digests = ["sha256:" + hashlib.sha256(body).hexdigest() for body in bodies]
    with ThreadPoolExecutor(CONCURRENT) as threads:
        begun = time.perf_counter()
        list(threads.map(lambda pair: _push_bytes(registry, *pair), zip(bodies, digests, strict=True)))
        return SMALL * CONCURRENT / (time.perf_counter() - begun) / 1e9


def _push_bytes(registry: Registry, body: bytes, digest: str) -> None:
    location = _start_upload(registry)
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    target = location.removeprefix(f"http://{registry.host}")
    target += f"{'&' if '?' in target else '?'}digest={digest}"
    connection.request("PUT", target, body, {**registry.headers, "Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"{registry.name} answered {answer.status} to a push")


def _start_upload(registry: Registry) -> str:
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    connection.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", b"", registry.headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    location = answer.headers["Location"]
    return location if urlsplit(location).scheme else f"http://{registry.host}{location}"


def _push_manifest(registry: Registry) -> str:
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layers = [os.urandom(1000) for _ in range(8)]
    for body in (config, *layers):
        _push_bytes(registry, body, "sha256:" + hashlib.sha256(body).hexdigest())

    def descriptor(body: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(body).hexdigest(), "size": len(body)}

    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(body, "application/vnd.oci.image.layer.v1.tar+gzip") for body in layers],
        }
    ).encode()
    connection = http.client.HTTPConnection(registry.host, timeout=60)
    target = f"/v2/{REPOSITORY}/manifests/latest"
    connection.request("PUT", target, manifest, {**registry.headers, "Content-Type": OCI_MANIFEST})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"{registry.name} answered {answer.status} to a manifest")
    return "sha256:" + hashlib.sha256(manifest).hexdigest()


def _requests_per_second(registry: Registry, target: str) -> float:
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmarks need wrk: apt-get install wrk")
    headers = {**registry.headers, "Accept": OCI_MANIFEST}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        # In a file and not on the command line: the header is a token.
        script.write(
            "".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(text)}\n" for name, text in headers.items())
        )
        script.flush()
        printed = subprocess.run(
            ["wrk", "-t1", "-c16", "-d4s", "-s", script.name, f"http://{registry.host}{target}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    if "Non-2xx" in printed:
        raise RuntimeError(f"{registry.name} refused manifest requests:\n{printed}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found
    return float(found[1])


def _header_file(registry: Registry) -> tempfile._TemporaryFileWrapper[str]:
    file = tempfile.NamedTemporaryFile("w", suffix=".headers")  # noqa: SIM115 - the caller closes it
    file.write("".join(f"{name}: {text}\n" for name, text in registry.headers.items()) or "X-None: none\n")
    file.flush()
    return file
