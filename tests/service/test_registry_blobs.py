"""Blobs: whole, in ranges, conditionally; only where they are linked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import requests

from polly_magic.service.keys import BLOBS
from polly_magic.service.schema import blobs, repository_blobs
from tests.service.running import ADMIN, STRANGER, Registry, RunningService, digest_of, error_of

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_pushed_blob_comes_back_with_the_headers_of_immutable_content(registry: Registry) -> None:
    content = os.urandom(3_000_000)
    digest = registry.push_blob(content)
    answer = registry.get(f"blobs/{digest}")
    assert answer.content == content
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert "immutable" in answer.headers["Cache-Control"]
    head = registry.request("HEAD", f"blobs/{digest}")
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "3000000", b"")
    assert head.headers["Docker-Content-Digest"] == digest


def test_a_blob_of_no_bytes(registry: Registry) -> None:
    digest = registry.push_blob(b"")
    answer = registry.get(f"blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("wanted", "status", "expected", "content_range"),
    [
        ("bytes=2-4", 206, b"cde", "bytes 2-4/10"),
        ("bytes=7-", 206, b"hij", "bytes 7-9/10"),
        ("bytes=0-", 206, b"abcdefghij", "bytes 0-9/10"),
        ("bytes=-3", 206, b"hij", "bytes 7-9/10"),
        ("bytes=-99", 206, b"abcdefghij", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"ij", "bytes 8-9/10"),
        ("bytes=1-2,4-5", 200, b"abcdefghij", None),
        ("bytes=5-2", 200, b"abcdefghij", None),
        ("pages=1-2", 200, b"abcdefghij", None),
        (f"bytes={'9' * 6000}-", 200, b"abcdefghij", None),
    ],
)
def test_ranges(registry: Registry, wanted: str, status: int, expected: bytes, content_range: str | None) -> None:
    digest = registry.push_blob(b"abcdefghij")
    answer = registry.get(f"blobs/{digest}", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (status, expected)
    assert answer.headers.get("Content-Range") == content_range


def test_a_range_behind_the_end_is_refused_with_the_size(registry: Registry) -> None:
    digest = registry.push_blob(b"abcdefghij")
    answer = registry.get(f"blobs/{digest}", headers={"Range": "bytes=10-"})
    assert error_of(answer)[0] == 416
    assert answer.headers["Content-Range"] == "bytes */10"


def test_conditions(registry: Registry) -> None:
    digest = registry.push_blob(b"abcdefghij")
    known = registry.get(f"blobs/{digest}", headers={"If-None-Match": f'"{digest}"'})
    assert (known.status_code, known.content) == (304, b"")
    assert registry.get(f"blobs/{digest}", headers={"If-None-Match": '"other"'}).status_code == 200
    partly = {"Range": "bytes=0-1", "If-Range": f'"{digest}"'}
    assert registry.get(f"blobs/{digest}", headers=partly).content == b"ab"
    assert registry.get(f"blobs/{digest}", headers=partly | {"If-Range": '"other"'}).content == b"abcdefghij"


def test_sha512(registry: Registry) -> None:
    digest = registry.push_blob(b"strong", "sha512")
    assert registry.get(f"blobs/{digest}").content == b"strong"
    location = registry.begin()
    registry.request("PATCH", location, data=b"stronger")
    digest = digest_of(b"stronger", "sha512")
    assert registry.request("PUT", f"{location}?digest={digest}").status_code == 201
    assert registry.get(f"blobs/{digest}").content == b"stronger"


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "sha256:" + "A" * 64, "md5:" + "0" * 32, "latest", "sha256:" + "0" * 65]
)
def test_what_is_no_digest_is_refused(registry: Registry, digest: str) -> None:
    assert error_of(registry.get(f"blobs/{digest}")) == (400, "DIGEST_INVALID")
    assert error_of(registry.request("POST", f"blobs/uploads/?digest={digest}")) == (400, "DIGEST_INVALID")


def test_a_missing_blob(registry: Registry) -> None:
    assert error_of(registry.get(f"blobs/{digest_of(b'missing')}")) == (404, "BLOB_UNKNOWN")
    assert registry.request("HEAD", f"blobs/{digest_of(b'missing')}").status_code == 404


def test_a_blob_with_a_wrong_digest_is_refused_and_not_readable(registry: Registry) -> None:
    claimed = digest_of(b"claimed")
    answer = registry.request("POST", f"blobs/uploads/?digest={claimed}", data=b"sent")
    assert error_of(answer) == (400, "DIGEST_INVALID")
    for content in (b"claimed", b"sent"):
        assert registry.get(f"blobs/{digest_of(content)}").status_code == 404
    assert list(registry.service.config.uploads.iterdir()) == []


def test_a_blob_is_readable_in_the_repositories_that_it_was_pushed_to_only(
    registry: Registry, open_registry: Callable[..., Registry]
) -> None:
    digest = registry.push_blob(b"of 16june")
    assert open_registry("elucidata/17june").get(f"blobs/{digest}").status_code == 404


def test_a_file_without_a_row_is_never_served(registry: Registry) -> None:
    digest = registry.push_blob(b"acknowledged")
    store = registry.service.app[BLOBS]
    lone = digest_of(b"not acknowledged")
    store.keep_bytes(b"not acknowledged", lone)
    assert store.path(lone).read_bytes() == b"not acknowledged"
    assert error_of(registry.get(f"blobs/{lone}")) == (404, "BLOB_UNKNOWN")
    assert registry.get(f"blobs/{digest}").status_code == 200


def test_a_lost_file_is_an_unknown_blob(registry: Registry) -> None:
    digest = registry.push_blob(b"to be lost")
    registry.service.app[BLOBS].path(digest).unlink()
    assert error_of(registry.get(f"blobs/{digest}")) == (404, "BLOB_UNKNOWN")


def test_a_strangers_repository_is_like_a_missing_one(registry: Registry, service: RunningService) -> None:
    digest = registry.push_blob(b"private")
    stranger = Registry(service, "elucidata/16june", STRANGER)
    missing = Registry(service, "elucidata/missing", STRANGER)
    for method, url in [
        ("GET", f"blobs/{digest}"),
        ("POST", "blobs/uploads/"),
        ("GET", "tags/list"),
        ("GET", "manifests/latest"),
    ]:
        here, there = (each.request(method, url) for each in (stranger, missing))
        assert error_of(here) == error_of(there) == (401, "UNAUTHORIZED")
        assert here.text.replace("16june", "missing") == there.text


def test_a_public_repository_can_be_pulled_by_anybody_and_not_pushed_to(service: RunningService) -> None:
    service.create("elucidata/open", access="public")
    digest = Registry(service, "elucidata/open").push_blob(b"for all")
    anonymous = Registry(service, "elucidata/open", None)
    assert anonymous.get(f"blobs/{digest}").content == b"for all"
    assert error_of(anonymous.request("POST", "blobs/uploads/")) == (401, "UNAUTHORIZED")


def test_pushing_where_no_repository_was_created_names_the_command(service: RunningService) -> None:
    answer = Registry(service, "elucidata/17june").request("POST", "blobs/uploads/")
    assert error_of(answer) == (404, "NAME_UNKNOWN")
    (error,) = answer.json()["errors"]
    assert error["detail"]["create"].startswith("polly-dockers create --name elucidata/17june --description ")
    assert error["detail"]["create"] in error["message"]


@pytest.mark.parametrize("path", ["elucidata/16June", "elucidata//x", "Elucidata/x", "elucidata/-x", "e/" + "x" * 300])
def test_what_is_no_name_is_refused(registry: Registry, path: str) -> None:
    assert error_of(registry.get(f"/v2/{path}/tags/list")) == (400, "NAME_INVALID")


def test_the_base_answers_whoever_has_a_token(registry: Registry, service: RunningService) -> None:
    answer = registry.get("/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    refused = requests.get(f"{service.url}/v2/", timeout=20)
    assert error_of(refused) == (401, "UNAUTHORIZED")
    assert refused.headers["WWW-Authenticate"].startswith(f'Bearer realm="{service.url}/token"')


def test_wrong_methods_and_paths(registry: Registry) -> None:
    answer = registry.request("POST", "manifests/latest")
    assert error_of(answer) == (405, "UNSUPPORTED")
    assert answer.headers["Allow"] == "GET, HEAD, PUT, DELETE"
    assert error_of(registry.get("nothing/here")) == (404, "UNSUPPORTED")


def test_delete_is_off_unless_allowed(registry: Registry) -> None:
    digest = registry.push_blob(b"kept")
    assert error_of(registry.request("DELETE", f"blobs/{digest}")) == (405, "UNSUPPORTED")
    assert registry.get(f"blobs/{digest}").status_code == 200


def test_delete_takes_a_blob_out_of_one_repository(registry: Registry, open_registry: Callable[..., Registry]) -> None:
    service = registry.service
    digest = registry.push_blob(b"in both")
    other = open_registry("elucidata/17june")
    other.push_blob(b"in both")
    service.restart(allow_delete=True)
    admin = Registry(service, "elucidata/16june", ADMIN)
    assert admin.request("DELETE", f"blobs/{digest}").status_code == 202
    assert admin.get(f"blobs/{digest}").status_code == 404
    assert error_of(admin.request("DELETE", f"blobs/{digest}")) == (404, "BLOB_UNKNOWN")
    assert Registry(service, "elucidata/17june").get(f"blobs/{digest}").content == b"in both"
    member = Registry(service, "elucidata/17june")
    assert error_of(member.request("DELETE", f"blobs/{digest}")) == (401, "UNAUTHORIZED")


class TestMount:
    def mount(self, target: Registry, digest: str, source: str) -> requests.Response:
        return target.request("POST", f"blobs/uploads/?mount={digest}&from={source}")

    def test_a_blob_of_a_repository_that_the_caller_may_pull(
        self, registry: Registry, open_registry: Callable[..., Registry]
    ) -> None:
        digest = registry.push_blob(b"shared")
        target = open_registry("elucidata/17june", ADMIN, "repository:elucidata/16june:pull")
        answer = self.mount(target, digest, "elucidata/16june")
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"/v2/elucidata/17june/blobs/{digest}"
        assert target.get(f"blobs/{digest}").content == b"shared"
        rows = registry.service.rows(repository_blobs.select().where(repository_blobs.c.digest == digest))
        assert len(rows) == 2
        assert len(registry.service.rows(blobs.select())) == 1

    def test_not_without_the_right_to_pull_it(self, registry: Registry, open_registry: Callable[..., Registry]) -> None:
        digest = registry.push_blob(b"private")
        registry.service.create("other/mine", by=STRANGER)
        scope = "repository:elucidata/16june:pull"
        thief = Registry(registry.service, "other/mine", STRANGER, scope)
        answer = self.mount(thief, digest, "elucidata/16june")
        assert answer.status_code == 202
        assert "/blobs/uploads/" in answer.headers["Location"]
        assert thief.get(f"blobs/{digest}").status_code == 404
        # A token of the right organisation that was not asked for this source does not do either.
        assert self.mount(open_registry("elucidata/17june"), digest, "elucidata/16june").status_code == 202

    def test_not_what_is_not_linked_there(self, registry: Registry, open_registry: Callable[..., Registry]) -> None:
        digest = registry.push_blob(b"in 16june")
        registry.service.create("elucidata/empty")
        target = open_registry("elucidata/17june", ADMIN, "repository:elucidata/empty:pull")
        assert self.mount(target, digest, "elucidata/empty").status_code == 202
        assert self.mount(target, digest, "elucidata/missing").status_code == 202
        assert target.request("POST", f"blobs/uploads/?mount={digest}").status_code == 202
        assert error_of(self.mount(target, "sha256:no", "elucidata/empty")) == (400, "DIGEST_INVALID")
