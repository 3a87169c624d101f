"""The client against CNCF distribution, and against a registry that misbehaves."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from polly_magic.errors import (
    Forbidden,
    NotFound,
    NotLoggedIn,
    PollyError,
    Rejected,
    ServiceFailure,
    ServiceUnavailable,
    StorageFull,
)
from polly_magic.redaction import Secret
from polly_magic.registry import RegistryClient
from polly_magic.registry import client as client_module
from polly_magic.registry.authentication import parse_challenges

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Impostor

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
PATH = "elucidata/16june"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_image(registry: RegistryClient, path: str, tag: str) -> str:
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}).encode()
    digest = registry.put_blob(path, config)
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor,
        "layers": [],
        "annotations": {"tag": tag},
    }
    return registry.put_manifest(path, tag, json.dumps(manifest).encode(), MANIFEST_TYPE)


@pytest.mark.registry
class TestDistribution:
    def test_gives_back_what_was_put(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            digest = registry.put_blob(PATH, b"counts")
            assert digest == digest_of(b"counts")
            assert registry.has_blob(PATH, digest)
            assert b"".join(registry.get_blob(PATH, digest)) == b"counts"

    def test_knows_no_blob_that_was_not_put(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            assert not registry.has_blob(PATH, digest_of(b"never"))
            with pytest.raises(NotFound, match="BLOB_UNKNOWN"):
                list(registry.get_blob(PATH, digest_of(b"never")))

    def test_takes_an_empty_blob(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            digest = registry.put_blob(PATH, io.BytesIO())
            assert b"".join(registry.get_blob(PATH, digest)) == b""

    @pytest.mark.parametrize("excess", [-1, 0, 1])
    def test_sends_a_long_stream_in_chunks(
        self, distribution: str, monkeypatch: pytest.MonkeyPatch, excess: int
    ) -> None:
        monkeypatch.setattr(client_module, "CHUNK", 1 << 16)
        content = os.urandom(2 * (1 << 16) + excess)
        with RegistryClient(distribution) as registry:
            digest = registry.put_blob(PATH, io.BytesIO(content))
            assert digest == digest_of(content)
            assert b"".join(registry.get_blob(PATH, digest)) == content

    def test_fills_its_chunks_from_a_pipe(self, distribution: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client_module, "CHUNK", 100_000)
        program = "import sys, time\nfor _ in range(30): sys.stdout.write(9999 * 'x'); sys.stdout.flush()"
        with (
            subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, bufsize=0) as process,
            RegistryClient(distribution) as registry,
        ):
            assert process.stdout is not None
            assert registry.put_blob(PATH, process.stdout) == digest_of(30 * 9999 * b"x")

    def test_does_not_read_what_the_registry_has(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            digest = registry.put_blob(PATH, b"there already")
            stream = io.BytesIO(b"anything")
            assert registry.put_blob(PATH, stream, digest) == digest
            assert stream.tell() == 0

    @pytest.mark.parametrize("chunk", [1 << 16, 4])
    def test_refuses_a_stream_of_another_digest(
        self, distribution: str, monkeypatch: pytest.MonkeyPatch, chunk: int
    ) -> None:
        monkeypatch.setattr(client_module, "CHUNK", chunk)
        expected = digest_of(b"what was meant")
        with RegistryClient(distribution) as registry:
            with pytest.raises(Rejected, match=f"not {expected}"):
                registry.put_blob(PATH, io.BytesIO(b"something else"), expected)
            assert not registry.has_blob(PATH, digest_of(b"something else"))

    def test_puts_a_manifest_under_a_tag_and_gets_it_by_either_name(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            digest = push_image(registry, PATH, "latest")
            by_tag, by_digest = registry.get_manifest(PATH, "latest"), registry.get_manifest(PATH, digest)
        assert by_tag == by_digest
        assert by_tag.digest == digest == digest_of(by_tag.content)
        assert by_tag.media_type == MANIFEST_TYPE

    def test_says_which_manifest_is_missing(self, distribution: str) -> None:
        with (
            RegistryClient(distribution) as registry,
            pytest.raises(NotFound, match=r"404 to GET /v2/elucidata/16june/manifests/v9: MANIFEST_UNKNOWN"),
        ):
            registry.get_manifest(PATH, "v9")

    def test_says_what_is_wrong_with_a_manifest(self, distribution: str) -> None:
        descriptor = {"mediaType": "application/x", "digest": digest_of(b"never"), "size": 5}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor, "layers": []}
        with RegistryClient(distribution) as registry, pytest.raises(Rejected, match="MANIFEST_BLOB_UNKNOWN"):
            registry.put_manifest(PATH, "v1", json.dumps(manifest).encode(), MANIFEST_TYPE)

    def test_lists_tags(self, distribution: str) -> None:
        with RegistryClient(distribution) as registry:
            for tag in ("v1", "v2", "v3"):
                push_image(registry, "elucidata/many", tag)
            assert sorted(registry.tags("elucidata/many")) == ["v1", "v2", "v3"]

    def test_answers_a_challenge_for_basic(self, distribution_with_password: str) -> None:
        with RegistryClient(distribution_with_password, "anna", Secret("correct horse")) as registry:
            assert b"".join(registry.get_blob(PATH, registry.put_blob(PATH, b"private"))) == b"private"
        with RegistryClient(distribution_with_password) as registry, pytest.raises(NotLoggedIn, match="login"):
            registry.tags(PATH)

    def test_holds_one_chunk_in_memory(self, distribution: str) -> None:
        class Zeros(io.RawIOBase):
            left = 400 << 20

            def read(self, size: int = -1) -> bytes:
                given = min(size, self.left)
                self.left -= given
                return bytes(given)

        with RegistryClient(distribution) as registry:
            digest = registry.put_blob(PATH, b"warm up")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            digest = registry.put_blob(PATH, Zeros())  # pyright: ignore[reportArgumentType]
            assert sum(len(piece) for piece in registry.get_blob(PATH, digest)) == 400 << 20
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 100 << 10  # in KiB: six chunks at the very most


def bearer(realm: str) -> dict[str, str]:
    return {"WWW-Authenticate": f'Bearer realm="{realm}",service="polly",scope="repository:{PATH}:pull"'}


class TestTokens:
    def test_are_got_from_the_realm_and_kept(self, impostor: Impostor) -> None:
        tags = f"GET /v2/{PATH}/tags/list"
        impostor.answer(tags, 401, bearer(f"http://{impostor.host}/token"))
        impostor.answer(tags, 200, body={"tags": ["latest"]})
        impostor.answer("GET /token", 200, body={"token": "t1", "expires_in": 300})
        with RegistryClient(impostor.host, "POLLY", Secret("hush")) as registry:
            assert registry.tags(PATH) == registry.tags(PATH) == ["latest"]
        requests = [request.partition("?")[0] for request, _ in impostor.asked]
        assert requests == [tags, "GET /token", tags, tags]
        assert impostor.asked[1][0] == "GET /token?scope=repository%3Aelucidata%2F16june%3Apull&service=polly"
        assert impostor.asked[1][1]["Authorization"] == "Basic " + b64encode(b"POLLY:hush").decode()
        assert [headers.get("Authorization") for _, headers in impostor.asked[2:]] == 2 * ["Bearer t1"]

    def test_are_asked_for_again_when_they_have_expired(self, impostor: Impostor) -> None:
        tags = f"GET /v2/{PATH}/tags/list"
        for answer in ("401", "200", "401", "200"):
            impostor.answer(tags, int(answer), bearer(f"http://{impostor.host}/token"), {"tags": []})
        impostor.answer("GET /token", 200, body={"token": "t1", "expires_in": 300})
        impostor.answer("GET /token", 200, body={"access_token": "t2"})
        with RegistryClient(impostor.host) as registry:
            registry.tags(PATH)
            registry.tags(PATH)
        assert impostor.asked[-1][1]["Authorization"] == "Bearer t2"

    def test_are_not_bought_with_a_password_in_plain_text_elsewhere(self, impostor: Impostor) -> None:
        impostor.answer(f"GET /v2/{PATH}/tags/list", 401, bearer("http://registry.example/token"))
        with (
            RegistryClient(impostor.host, "POLLY", Secret("hush")) as registry,
            pytest.raises(ServiceFailure, match="no password may go"),
        ):
            registry.tags(PATH)
        assert len(impostor.asked) == 1

    def test_that_do_not_suffice_mean_that_there_is_no_such_repository(self, impostor: Impostor) -> None:
        impostor.answer(f"GET /v2/{PATH}/tags/list", 401, bearer(f"http://{impostor.host}/token"))
        impostor.answer("GET /token", 200, body={"token": "t1"})
        with (
            RegistryClient(impostor.host, "POLLY", Secret("hush")) as registry,
            pytest.raises(NotFound, match="no repository 'elucidata/16june' that you may pull"),
        ):
            registry.tags(PATH)
        assert len(impostor.asked) == 3

    def test_refused_to_a_user_mean_not_logged_in(self, impostor: Impostor) -> None:
        impostor.answer(f"GET /v2/{PATH}/tags/list", 401, bearer(f"http://{impostor.host}/token"))
        impostor.answer("GET /token", 401)
        with (
            RegistryClient(impostor.host, "POLLY", Secret("hush")) as registry,
            pytest.raises(NotLoggedIn) as caught,
        ):
            registry.tags(PATH)
        assert "hush" not in repr(caught.value)

    @pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{}", b'{"token": "t", "expires_in": "soon"}'])
    def test_that_are_none_say_so(self, impostor: Impostor, body: bytes) -> None:
        impostor.answer(f"GET /v2/{PATH}/tags/list", 401, bearer(f"http://{impostor.host}/token"))
        impostor.answer("GET /token", 200, body=body)
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="without a token"):
            registry.tags(PATH)


class TestMisbehaviour:
    def test_a_blob_of_another_digest_is_refused(self, impostor: Impostor) -> None:
        digest = digest_of(b"right")
        impostor.answer(f"GET /v2/{PATH}/blobs/{digest}", 200, body=b"wrong")
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="does not have the digest"):
            list(registry.get_blob(PATH, digest))

    def test_a_blob_cut_short_is_refused(self, impostor: Impostor) -> None:
        digest = digest_of(b"right")
        impostor.answer(f"GET /v2/{PATH}/blobs/{digest}", 200, {"Content-Length": "5", "Connection": "close"}, b"ri")
        with RegistryClient(impostor.host) as registry, pytest.raises(PollyError):
            list(registry.get_blob(PATH, digest))

    @pytest.mark.parametrize("by_tag", [True, False])
    def test_a_manifest_of_another_digest_is_refused(self, impostor: Impostor, by_tag: bool) -> None:
        digest = digest_of(b"right")
        reference = "latest" if by_tag else digest
        headers = {"Docker-Content-Digest": digest, "Content-Type": MANIFEST_TYPE}
        impostor.answer(f"GET /v2/{PATH}/manifests/{reference}", 200, headers, b"wrong")
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="does not have the digest"):
            registry.get_manifest(PATH, reference)

    def test_a_manifest_without_end_is_not_read(self, impostor: Impostor) -> None:
        impostor.answer(f"GET /v2/{PATH}/manifests/latest", 200, body=bytes((4 << 20) + 1))
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="4 MiB"):
            registry.get_manifest(PATH, "latest")

    def test_pages_are_followed_to_the_last(self, impostor: Impostor) -> None:
        tags = f"/v2/{PATH}/tags/list"
        impostor.answer(f"GET {tags}", 200, {"Link": f'<{tags}?n=2&last=v2>; rel="next"'}, {"tags": ["v1", "v2"]})
        impostor.answer(f"GET {tags}", 200, {"Link": f'<{tags}?n=2&last=v4>; rel="next"'}, {"tags": ["v3", "v4"]})
        impostor.answer(f"GET {tags}", 200, body={"tags": ["v5"]})
        with RegistryClient(impostor.host) as registry:
            assert registry.tags(PATH) == ["v1", "v2", "v3", "v4", "v5"]
        assert [request for request, _ in impostor.asked[1:]] == [f"GET {tags}?n=2&last=v2", f"GET {tags}?n=2&last=v4"]

    def test_pages_do_not_leave_the_registry(self, impostor: Impostor) -> None:
        link = {"Link": '<http://registry.example/v2/a/tags/list?last=x>; rel="next"'}
        impostor.answer(f"GET /v2/{PATH}/tags/list", 200, link, {"tags": ["x"]})
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="not the registry"):
            registry.tags(PATH)

    def test_uploads_do_not_leave_the_registry(self, impostor: Impostor) -> None:
        impostor.answer(f"POST /v2/{PATH}/blobs/uploads/", 202, {"Location": "https://registry.example/upload"})
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceFailure, match="public address"):
            registry.put_blob(PATH, b"secret counts")

    def test_a_busy_registry_is_asked_again(self, impostor: Impostor) -> None:
        tags = f"GET /v2/{PATH}/tags/list"
        impostor.answer(tags, 503, {"Retry-After": "0"})
        impostor.answer(tags, 200, body={"tags": ["latest"]})
        with RegistryClient(impostor.host) as registry:
            assert registry.tags(PATH) == ["latest"]

    def test_a_write_is_not_sent_twice(self, impostor: Impostor) -> None:
        impostor.answer(f"PUT /v2/{PATH}/manifests/latest", 503)
        with RegistryClient(impostor.host) as registry, pytest.raises(ServiceUnavailable):
            registry.put_manifest(PATH, "latest", b"{}", MANIFEST_TYPE)
        assert len(impostor.asked) == 1

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(400, Rejected), (403, Forbidden), (404, NotFound), (500, ServiceFailure), (507, StorageFull)],
    )
    def test_an_error_is_said_in_the_registrys_words(
        self, impostor: Impostor, status: int, kind: type[PollyError]
    ) -> None:
        error = {"code": "NAME_UNKNOWN", "message": "no such repository", "detail": "Create it first."}
        impostor.answer(f"PUT /v2/{PATH}/manifests/latest", status, body={"errors": [error]})
        with RegistryClient(impostor.host) as registry, pytest.raises(PollyError) as caught:
            registry.put_manifest(PATH, "latest", b"{}", MANIFEST_TYPE)
        assert type(caught.value) is kind
        assert "NAME_UNKNOWN: no such repository" in caught.value.problem
        assert caught.value.remedy == "Create it first."

    def test_nobody_at_the_address_is_said(self, tmp_path: Path) -> None:
        with RegistryClient("127.0.0.1:1") as registry, pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1:1"):
            registry.tags(PATH)


class TestChallenges:
    def test_of_several_kinds_stand_in_one_header(self) -> None:
        bearer, basic = parse_challenges(
            'Bearer realm="https://a.test/t?x=1,2", service=a.test, Basic realm="say \\"a\\""'
        )
        assert bearer.scheme == "bearer"
        assert bearer.parameters == {"realm": "https://a.test/t?x=1,2", "service": "a.test"}
        assert basic.scheme == "basic"
        assert basic.parameters == {"realm": 'say "a"'}

    @pytest.mark.parametrize("header", ["", "=", '"', 'realm="x"', ",,,"])
    def test_that_make_no_sense_are_none(self, header: str) -> None:
        assert [challenge for challenge in parse_challenges(header) if challenge.parameters] == []


@pytest.mark.parametrize(
    ("registry", "url"),
    [
        ("127.0.0.1:5005", "http://127.0.0.1:5005"),
        ("localhost", "http://localhost"),
        ("[::1]:5005", "http://[::1]:5005"),
        ("docker.polly.elucidata.io", "https://docker.polly.elucidata.io"),
        ("10.0.0.1:5000", "https://10.0.0.1:5000"),
        ("localhost.example:5000", "https://localhost.example:5000"),
    ],
)
def test_plain_http_is_for_loopback_alone(registry: str, url: str) -> None:
    with RegistryClient(registry) as registry_client:
        assert registry_client.url == url
