"""The client and the service that ships with it: they mean the same by the contract."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from polly_magic.api import Client
from polly_magic.errors import Conflict, Forbidden, NotFound, NotLoggedIn, Rejected, ServiceUnavailable
from polly_magic.frames import commits_frame, repositories_frame
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.service import accounts
from polly_magic.service.config import Config
from polly_magic.settings import Login, service_at
from tests.service.running import ADMIN, MEMBER, STRANGER, Registry, RunningService, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    running = RunningService(Config(tmp_path / "data", organization="elucidata", email=ADMIN))
    running.start()
    try:
        running.add_user(MEMBER, "elucidata", "member")
        running.add_user(STRANGER, "other", "member")
        yield running
    finally:
        running.stop()


def client_of(running: RunningService, email: str, patience: float = 5) -> Client:
    return Client(Login(service_at(running.url), Secret(running.keys[email])), patience=patience)


@pytest.fixture
def client(running: RunningService) -> Iterator[Client]:
    with client_of(running, MEMBER) as client:
        yield client


@pytest.fixture
def stranger(running: RunningService) -> Iterator[Client]:
    with client_of(running, STRANGER) as client:
        yield client


def test_the_user_is_known_by_the_key(client: Client) -> None:
    assert client.me() == User(MEMBER, "elucidata", "member")


def test_what_was_created_is_found_listed_and_changed(client: Client) -> None:
    made = client.create("elucidata/docker_demo/cache", description="<b>cache</b> ü")

    assert made.path == f"{client.registry}/elucidata/docker_demo/cache"
    assert (made.description, made.access, made.created_by) == ("<b>cache</b> ü", "private", MEMBER)
    assert abs(datetime.now(timezone.utc) - made.created_at) < timedelta(minutes=1)
    assert client.repository("elucidata/docker_demo/cache") == made
    assert client.repositories() == [made]
    assert client.update("elucidata/docker_demo/cache", access="public").access == "public"
    assert client.update("elucidata/docker_demo/cache", description="new").description == "new"
    assert client.repositories(access="private") == []
    assert [row.description for row in client.repositories(name="demo*", access="public")] == []
    assert [row.description for row in client.repositories(name="*demo*", access="public")] == ["new"]


def test_lists_longer_than_a_page_come_whole_and_in_order(running: RunningService, client: Client) -> None:
    for number in range(7):
        client.create(f"elucidata/repository-{number}", description="")
    told: list[tuple[int, int | None]] = []
    newest_first = [row.path[-1] for row in client.repositories(progress=lambda *now: told.append(now))]
    assert newest_first == list("6543210")
    assert told == []
    assert [row.path[-1] for row in client.repositories(limit=3)] == list("654")
    assert [row.path[-1] for row in client.repositories(limit=3, oldest_first=True)] == list("012")
    for number in range(7, 1203):
        running.create(f"elucidata/repository-{number}")
    found = client.repositories(progress=lambda *now: told.append(now))
    assert len({row.path for row in found}) == 1203
    assert told == [(1000, None), (1203, None)]
    assert found == sorted(found, key=lambda row: row.created_at, reverse=True)


def test_two_pushes_of_a_tag_are_two_commits(running: RunningService, client: Client) -> None:
    client.create("elucidata/16june", description="")
    registry = Registry(running, "elucidata/16june")
    answers = [registry.put("latest", registry.image(name)) for name in ("first", "second")]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (answer.headers["Docker-Content-Digest"] for answer in answers)

    rows = client.commits("elucidata/16june")

    assert [(row.tag, row.commit_hash, row.tag_status) for row in rows] == [
        ("latest", second, "active"),
        ("latest", first, "inactive"),
    ]
    assert [row.pushed_by for row in rows] == [MEMBER, MEMBER]
    assert [row.platforms for row in rows] == [("linux/amd64",)] * 2
    assert rows[0].repository == f"{client.registry}/elucidata/16june"
    assert client.commits("elucidata/16june", status="inactive") == rows[1:]
    assert client.commits("elucidata/16june", commit_hash=first) == rows[1:]
    assert client.commits("elucidata/16june", tag="other") == []
    assert client.commits("elucidata/16june", oldest_first=True) == rows[::-1]
    assert client.commits("elucidata/16june", limit=1) == rows[:1]
    frame = commits_frame(rows)
    assert list(frame["pull_path"]) == [f"{rows[0].repository}:latest", f"{rows[0].repository}@{first}"]
    assert len(repositories_frame(client.repositories())) == 1


def test_a_registry_token_opens_the_registry(running: RunningService, client: Client) -> None:
    client.create("elucidata/16june", description="")
    token = client.registry_token("pull,push", 300)
    assert timedelta(minutes=4) < token.expires_at - datetime.now(timezone.utc) <= timedelta(minutes=5)
    running.keys["token"] = token.secret.reveal()
    content = b"a blob"
    assert Registry(running, "elucidata/16june", "token").push_blob(content) == digest_of(content)
    assert token.username == "POLLY"


def test_what_is_refused_is_refused_in_words(client: Client, stranger: Client) -> None:
    client.create("elucidata/mine", description="")
    with pytest.raises(Conflict, match="elucidata/mine exists"):
        client.create("elucidata/mine", description="")
    with pytest.raises(Rejected, match=r"description: .*characters"):
        client.create("elucidata/other", description="x" * 100_000)
    with pytest.raises(Rejected, match="lifetime"):
        client.registry_token("pull", -1)
    with pytest.raises(Rejected, match=r"filter\[commit_hash\]"):
        client.commits("elucidata/mine", commit_hash="xyz")
    for call in (stranger.repository, stranger.commits, stranger.update):
        with pytest.raises(NotFound) as hidden:
            call("elucidata/mine")
        with pytest.raises(NotFound) as missing:
            call("elucidata/none")
        assert hidden.value.problem.replace("mine", "none") == missing.value.problem
    client.update("elucidata/mine", access="public")
    assert stranger.repository("elucidata/mine").access == "public"
    with pytest.raises(Forbidden):
        stranger.update("elucidata/mine", access="private")


def test_a_key_that_is_unknown_or_expired_is_told_apart(running: RunningService) -> None:
    running.keys["unknown"] = "pk_" + "0" * 40
    running.keys["expired"] = running.database.write_now(
        lambda connection: accounts.issue_key(
            connection, accounts.find_user(connection, MEMBER), lifetime=timedelta(milliseconds=1)
        ).reveal()
    )
    time.sleep(0.01)
    said = []
    for email in ("unknown", "expired"):
        with pytest.raises(NotLoggedIn, match="login") as caught:
            client_of(running, email).me()
        said.append(caught.value.problem)
        assert running.keys[email] not in str(caught.value)
    assert said[0] != said[1]
    assert "expired" in said[1]


def test_a_service_that_restarts_is_waited_for_and_one_that_is_gone_is_said(
    running: RunningService, client: Client
) -> None:
    client.create("elucidata/mine", description="")
    running.restart()
    assert client.repository("elucidata/mine").description == ""
    running.stop()
    try:
        with pytest.raises(ServiceUnavailable, match="connection refused"):
            client_of(running, MEMBER, patience=0.2).me()
    finally:
        running.start()


def test_no_log_of_client_or_service_tells_a_key(
    running: RunningService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.me()
    token = client.registry_token("pull", 60)
    assert "GET /users/me" in caplog.text
    assert running.keys[MEMBER] not in caplog.text
    assert token.secret.reveal() not in caplog.text
