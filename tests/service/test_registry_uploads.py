"""Uploads: in chunks, resumed, cut off, across a restart, on a full disk; one writer each, their own people's only."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polly_magic.service.config import Config
from polly_magic.service.registry.uploads import STALE_DAYS, UPLOADS
from polly_magic.service.schema import now, uploads
from tests.service.running import ADMIN, MEMBER, Registry, RunningService, digest_of, error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from polly_magic.service.registry.receiving import Draft

CHUNKED = {"Content-Type": "application/octet-stream"}


def put(registry: Registry, location: str, content: bytes, digest: str | None = None, **options: Any) -> Any:
    return registry.request("PUT", f"{location}?digest={digest or digest_of(content)}", data=content, **options)


def patch(registry: Registry, location: str, content: bytes, start: int | None = None) -> Any:
    headers = {} if start is None else {"Content-Range": f"{start}-{start + len(content) - 1}"}
    return registry.request("PATCH", location, data=content, headers=CHUNKED | headers)


def send_raw(registry: Registry, method: str, location: str, length: int, body: bytes) -> socket.socket:
    """Send a request whose body is shorter than it says, and leave the connection open."""
    connection = socket.create_connection(registry.service.address, timeout=20)
    head = (
        f"{method} {location} HTTP/1.1\r\nHost: service\r\nAuthorization: Bearer {registry.token}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited for ten seconds in vain"
        time.sleep(0.02)


def size_of(registry: Registry, location: str) -> str:
    answer = registry.get(location)
    assert answer.status_code == 204, answer.text
    return answer.headers["Range"]


def files(service: RunningService) -> list[Path]:
    return sorted(service.config.uploads.iterdir())


def test_post_then_put(registry: Registry) -> None:
    location = registry.begin()
    content = os.urandom(2_500_000)
    answer = put(registry, location, content)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/elucidata/16june/blobs/{digest_of(content)}"
    assert answer.headers["Docker-Content-Digest"] == digest_of(content)
    assert registry.get(answer.headers["Location"]).content == content
    assert files(registry.service) == []
    assert registry.service.rows(uploads.select()) == []
    assert error_of(registry.get(location)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_chunks_in_order(registry: Registry) -> None:
    location = registry.begin()
    assert size_of(registry, location) == "0-0"
    content = os.urandom(3_000_000)
    for start in range(0, len(content), 1_000_000):
        answer = patch(registry, location, content[start : start + 1_000_000], start)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{start + 999_999}")
        location = answer.headers["Location"]
    assert put(registry, location, b"", digest_of(content)).status_code == 201
    assert registry.get(f"blobs/{digest_of(content)}").content == content


def test_the_last_chunk_may_come_with_the_put(registry: Registry) -> None:
    location = registry.begin()
    patch(registry, location, b"first ", 0)
    answer = put(registry, location, b"last", digest_of(b"first last"), headers={"Content-Range": "6-9"})
    assert answer.status_code == 201


def test_a_stream_without_length_or_range(registry: Registry) -> None:
    location = registry.begin()
    pieces = [os.urandom(300_000) for _ in range(10)]
    assert registry.request("PATCH", location, data=iter(pieces)).status_code == 202
    assert registry.request("PATCH", location, data=iter([b"", b"more"])).headers["Range"] == "0-3000003"
    content = b"".join(pieces) + b"more"
    assert put(registry, location, b"", digest_of(content)).status_code == 201


@pytest.mark.parametrize("start", [0, 5, 99])
def test_a_chunk_out_of_order_is_told_where_to_go_on(registry: Registry, start: int) -> None:
    location = registry.begin()
    patch(registry, location, b"ten bytes.", 0)
    answer = patch(registry, location, b"x", start)
    assert error_of(answer) == (416, "BLOB_UPLOAD_INVALID")
    assert (answer.headers["Range"], answer.headers["Location"]) == ("0-9", location)
    refused = put(registry, location, b"x", headers={"Content-Range": f"{start}-{start}"})
    assert error_of(refused) == (416, "BLOB_UPLOAD_INVALID")
    assert patch(registry, location, b"!", 10).status_code == 202
    assert put(registry, location, b"", digest_of(b"ten bytes.!")).status_code == 201


@pytest.mark.parametrize("text", ["", "0", "a-b", "-1-4", "0-4, 5-9", f"0-{'9' * 30}"])
def test_a_malformed_range(registry: Registry, text: str) -> None:
    answer = registry.request("PATCH", registry.begin(), data=b"12345", headers={"Content-Range": text})
    assert error_of(answer) == (400, "BLOB_UPLOAD_INVALID")


def test_a_range_of_another_length_than_the_body(registry: Registry) -> None:
    location = registry.begin()
    headers = {"Content-Range": "0-9"}
    assert error_of(registry.request("PATCH", location, data=b"12345", headers=headers)) == (400, "SIZE_INVALID")
    streamed = registry.request("PATCH", location, data=iter([b"12345"]), headers=headers)
    assert error_of(streamed) == (400, "SIZE_INVALID")
    assert size_of(registry, location) == "0-0"
    assert patch(registry, location, b"1234567890", 0).status_code == 202
    assert put(registry, location, b"", digest_of(b"1234567890")).status_code == 201


def test_a_wrong_digest_ends_the_upload(registry: Registry) -> None:
    location = registry.begin()
    patch(registry, location, b"sent")
    assert error_of(put(registry, location, b"", digest_of(b"claimed"))) == (400, "DIGEST_INVALID")
    assert error_of(put(registry, location, b"", digest_of(b"sent"))) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert files(registry.service) == []
    for content in (b"sent", b"claimed"):
        assert registry.get(f"blobs/{digest_of(content)}").status_code == 404


def test_the_put_names_a_digest(registry: Registry) -> None:
    location = registry.begin()
    assert error_of(registry.request("PUT", location)) == (400, "DIGEST_INVALID")
    assert error_of(registry.request("PUT", f"{location}?digest=sha256:1")) == (400, "DIGEST_INVALID")
    assert put(registry, location, b"").status_code == 201


def test_cancel(registry: Registry) -> None:
    location = registry.begin()
    patch(registry, location, b"never mind")
    assert registry.request("DELETE", location).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert error_of(registry.request(method, location)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert files(registry.service) == []
    assert registry.service.rows(uploads.select()) == []


@pytest.mark.parametrize("upload", ["0" * 32, "..", "%2e%2e%2fpolly.sqlite3", "x"])
def test_an_upload_that_nobody_began(registry: Registry, upload: str) -> None:
    answer = registry.request("PATCH", f"blobs/uploads/{upload}", data=b"x")
    assert answer.status_code in {404, 405}
    assert error_of(answer)[1] in {"BLOB_UPLOAD_UNKNOWN", "UNSUPPORTED"}


def test_uploads_belong_to_their_user_and_repository(
    registry: Registry, open_registry: Callable[..., Registry]
) -> None:
    location = registry.begin()
    upload = location.rpartition("/")[2]
    other_user = Registry(registry.service, "elucidata/16june", ADMIN)
    other_place = open_registry("elucidata/17june")
    for thief in (other_user, other_place):
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            url = f"blobs/uploads/{upload}?digest={digest_of(b'')}"
            assert error_of(thief.request(method, url)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert put(registry, location, b"mine").status_code == 201


def test_one_writer_at_a_time(registry: Registry) -> None:
    location = registry.begin()
    slow = send_raw(registry, "PATCH", location, 10, b"12345")
    wait_for(lambda: draft_of(registry, location).busy)
    assert error_of(patch(registry, location, b"x")) == (409, "BLOB_UPLOAD_INVALID")
    assert error_of(put(registry, location, b"x")) == (409, "BLOB_UPLOAD_INVALID")
    assert error_of(registry.request("DELETE", location)) == (409, "BLOB_UPLOAD_INVALID")
    slow.sendall(b"67890")
    assert slow.recv(100).startswith(b"HTTP/1.1 202")
    slow.close()
    assert put(registry, location, b"", digest_of(b"1234567890")).status_code == 201


def draft_of(registry: Registry, location: str) -> Draft:
    return registry.service.app[UPLOADS]._drafts[location.rpartition("/")[2]]


def test_a_chunk_that_is_cut_off_can_be_gone_on_with(registry: Registry) -> None:
    content = os.urandom(3_000_000)
    location = registry.begin()
    send_raw(registry, "PATCH", location, len(content), content[:1_000_000]).close()
    wait_for(lambda: not draft_of(registry, location).busy and size_of(registry, location) != "0-0")
    arrived = int(size_of(registry, location)[2:]) + 1
    assert 0 < arrived <= 1_000_000
    assert registry.get(f"blobs/{digest_of(content)}").status_code == 404
    assert patch(registry, location, content[arrived:], arrived).status_code == 202
    assert put(registry, location, b"", digest_of(content)).status_code == 201
    assert registry.get(f"blobs/{digest_of(content)}").content == content


def test_a_put_that_is_cut_off_leaves_the_upload_as_it_was(registry: Registry) -> None:
    content = os.urandom(3_000_000)
    location = registry.begin()
    patch(registry, location, content[:1000])
    url = f"{location}?digest={digest_of(content)}"
    connection = send_raw(registry, "PUT", url, len(content) - 1000, content[1000:2_000_000])
    wait_for(lambda: draft_of(registry, location).size > 1000)
    connection.close()
    wait_for(lambda: not draft_of(registry, location).busy)
    assert files(registry.service)[0].stat().st_size == 1000
    assert size_of(registry, location) == "0-999"
    assert registry.get(f"blobs/{digest_of(content)}").status_code == 404
    assert put(registry, location, content[1000:], digest_of(content)).status_code == 201


def test_a_monolithic_post_that_is_cut_off_leaves_nothing(registry: Registry) -> None:
    content = os.urandom(3_000_000)
    url = f"/v2/elucidata/16june/blobs/uploads/?digest={digest_of(content)}"
    connection = send_raw(registry, "POST", url, len(content), content[:2_000_000])
    wait_for(lambda: files(registry.service) != [])
    connection.close()
    wait_for(lambda: files(registry.service) == [])
    assert registry.get(f"blobs/{digest_of(content)}").status_code == 404
    assert registry.get(f"blobs/{digest_of(content[:2_000_000])}").status_code == 404


def test_a_sender_that_stalls_sets_the_upload_free(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polly_magic.service.registry.receiving.STALLED", 0.2)
    location = registry.begin()
    with send_raw(registry, "PATCH", location, 10, b"12345") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert size_of(registry, location) == "0-4"
    assert patch(registry, location, b"67890", 5).status_code == 202


def test_an_upload_outlives_the_service(registry: Registry) -> None:
    service = registry.service
    content = os.urandom(2_000_000)
    location = registry.begin()
    patch(registry, location, content[:700_000], 0)
    untouched = registry.begin()
    service.restart()
    assert size_of(registry, location) == "0-699999"
    assert size_of(registry, untouched) == "0-0"
    assert patch(registry, location, content[700_000:], 700_000).status_code == 202
    assert put(registry, location, b"", digest_of(content)).status_code == 201
    assert registry.get(f"blobs/{digest_of(content)}").content == content
    assert put(registry, untouched, b"now").status_code == 201


def test_a_restart_in_the_middle_of_a_chunk(registry: Registry) -> None:
    service = registry.service
    content = os.urandom(4_000_000)
    location = registry.begin()
    with send_raw(registry, "PATCH", location, len(content), content[:3_000_000]):
        wait_for(lambda: draft_of(registry, location).size >= 1 << 20)
        service.restart()
    arrived = int(size_of(registry, location)[2:]) + 1
    assert patch(registry, location, content[arrived:], arrived).status_code == 202
    assert put(registry, location, b"", digest_of(content)).status_code == 201
    assert registry.get(f"blobs/{digest_of(content)}").content == content


def test_a_start_removes_what_nobody_will_finish(registry: Registry) -> None:
    service = registry.service
    fresh, stale, lost = registry.begin(), registry.begin(), registry.begin()
    patch(registry, fresh, b"fresh")
    service.stop()
    with sqlite3.connect(service.config.database) as connection:
        old = now() - STALE_DAYS * 86_400_000_000 - 1
        connection.execute("update uploads set started_at = ? where id = ?", (old, stale.rpartition("/")[2]))
    connection.close()
    (service.config.uploads / lost.rpartition("/")[2]).unlink()
    (service.config.uploads / "orphan").write_bytes(b"of a monolithic upload")
    service.start()
    assert [path.name for path in files(service)] == [fresh.rpartition("/")[2]]
    assert [row.id for row in service.rows(uploads.select())] == [fresh.rpartition("/")[2]]
    assert put(registry, fresh, b"", digest_of(b"fresh")).status_code == 201


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["append", "keep"])
def test_no_room_is_said_and_survived(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    location = registry.begin()
    with monkeypatch.context() as patched:
        where = "registry.receiving.Draft.append" if step == "append" else "blobs.BlobStore.keep"
        patched.setattr(f"polly_magic.service.{where}", fail)
        refused = put(registry, location, b"content")
        assert error_of(refused) == (507, "UNKNOWN")
        assert "disk is full" in refused.json()["errors"][0]["message"]
        monolithic = registry.request("POST", f"blobs/uploads/?digest={digest_of(b'content')}", data=b"content")
        assert error_of(monolithic) == (507, "UNKNOWN")
    assert files(registry.service) == []
    assert registry.service.rows(uploads.select()) == []
    assert registry.push_blob(b"content") == digest_of(b"content")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", directory], check=True)


@pytest.mark.mount
def test_a_disk_that_is_really_full(small_disk: Path, service: RunningService) -> None:
    small = RunningService(Config(small_disk / "data", organization="elucidata", email=ADMIN))
    small.start()
    try:
        small.add_user(MEMBER, "elucidata", "member")
        small.create("elucidata/16june")
        registry = Registry(small, "elucidata/16june")
        kept = registry.push_blob(os.urandom(1_000_000))
        content = os.urandom(12_000_000)
        location = registry.begin()
        for answer in (
            patch(registry, location, content),
            registry.request("POST", f"blobs/uploads/?digest={digest_of(content)}", data=content),
        ):
            assert error_of(answer) == (507, "UNKNOWN")
        assert files(small) == []
        assert registry.get(f"blobs/{digest_of(content)}").status_code == 404
        assert len(registry.get(f"blobs/{kept}").content) == 1_000_000
        registry.push_blob(os.urandom(1_000_000))
    finally:
        small.stop()


def test_many_at_once(registry: Registry) -> None:
    contents = [os.urandom(1_000_000) for _ in range(32)]
    failures: list[str] = []

    def push(content: bytes) -> None:
        client = Registry(registry.service, "elucidata/16june")
        answer = put(client, client.begin(), content)
        if answer.status_code != 201:
            failures.append(answer.text)

    threads = [threading.Thread(target=push, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(registry.get(f"blobs/{digest_of(content)}").content == content for content in contents)


def test_the_same_blob_twice_at_once(registry: Registry) -> None:
    content = os.urandom(1_000_000)
    first, second = registry.begin(), registry.begin()
    assert put(registry, first, content).status_code == 201
    assert put(registry, second, content).status_code == 201
    assert registry.get(f"blobs/{digest_of(content)}").content == content


def test_memory_stays_flat(registry: Registry) -> None:
    piece = os.urandom(1 << 20)
    location = registry.begin()
    registry.request("PATCH", location, data=iter([piece] * 8))
    process = psutil.Process()
    before = process.memory_info().rss
    peak = 0

    def body() -> Iterator[bytes]:
        nonlocal peak
        for _ in range(256):
            yield piece
            peak = max(peak, process.memory_info().rss)

    assert registry.request("PATCH", location, data=body()).status_code == 202
    assert peak - before < 64 << 20
    assert registry.request("DELETE", location).status_code == 204
