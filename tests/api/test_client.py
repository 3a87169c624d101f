"""What each method asks, and what it makes of the answer."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from polly_magic.api import Client, RegistryToken
from polly_magic.errors import Forbidden, InvalidReference, NotLoggedIn
from polly_magic.models import Commit, Repository, User
from polly_magic.redaction import Secret
from polly_magic.settings import Login, remember, service_at

from .conftest import KEY, USER, Answer, commit, repository

if TYPE_CHECKING:
    from .conftest import FakeService


def asked(service: FakeService, number: int = -1) -> tuple[str, str, dict[str, str]]:
    request = service.requests[number]
    parts = urlsplit(request.target)
    return request.method, parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_me_is_the_user_behind_the_key(service: FakeService, client: Client) -> None:
    user = {"type": "users", "id": "1", "attributes": {"email": "a@b.c", "organization": "org", "role": "admin"}}
    service.say(Answer(body={"data": user}))

    assert client.me() == User("a@b.c", "org", "admin")
    assert asked(service) == ("GET", "/users/me", {})
    assert service.requests[0].headers["x-api-key"] == KEY
    assert service.requests[0].headers["User-Agent"].startswith("polly-magic/")
    assert "Authorization" not in service.requests[0].headers


def test_a_list_of_repositories_becomes_models_with_full_paths(service: FakeService, client: Client) -> None:
    service.say(Answer(body={"data": [repository(1), repository(2, access="public")], "links": {}}))

    found = client.repositories(name="rep*", access="private")

    created_at = datetime(2020, 7, 9, 15, 56, 49, 1, tzinfo=timezone.utc)
    assert found == [
        Repository(f"{service.host}/elucidata/repository-1", "number 1", "ada@elucidata.io", created_at, "private"),
        Repository(f"{service.host}/elucidata/repository-2", "number 2", "ada@elucidata.io", created_at, "public"),
    ]
    query = {"sort": "-created_at", "filter[name]": "rep*", "filter[access]": "private", "page[size]": "1000"}
    assert asked(service) == ("GET", "/repositories", query)


def test_the_oldest_come_first_when_asked(service: FakeService, client: Client) -> None:
    service.say(Answer(body={"data": []}))
    assert client.repositories(oldest_first=True, limit=3) == []
    assert asked(service)[2] == {"sort": "created_at", "page[size]": "3"}
    assert client.commits("elucidata/16june", oldest_first=True) == []
    assert asked(service)[2]["sort"] == "pushed_at"


def test_a_repository_with_a_nested_name_is_found_by_its_path(service: FakeService, client: Client) -> None:
    service.say(Answer(body={"data": {**repository(), "id": "elucidata/docker_demo/cache"}}))
    assert client.repository("elucidata/docker_demo/cache").path == f"{service.host}/elucidata/docker_demo/cache"
    assert asked(service) == ("GET", "/repositories/elucidata/docker_demo/cache", {})


@pytest.mark.parametrize("path", ["elucidata/../../users/me", "elucidata/x?y=1", "elucidata/x#y", "Elucidata/x", ""])
def test_a_path_that_is_no_name_is_never_sent(service: FakeService, client: Client, path: str) -> None:
    service.say(Answer(body={"data": repository()}))
    for call in (client.repository, client.update, client.commits, lambda path: client.create(path, description="")):
        with pytest.raises(InvalidReference):
            call(path)
    assert service.requests == []


def test_create_sends_name_description_and_access(service: FakeService, client: Client) -> None:
    service.say(Answer(201, {"data": {**repository(), "id": "elucidata/new_repo"}}))

    assert client.create("elucidata/new_repo", description="new").path == f"{service.host}/elucidata/new_repo"

    assert asked(service) == ("POST", "/repositories", {})
    assert json.loads(service.requests[0].body) == {
        "data": {
            "type": "repositories",
            "attributes": {"name": "new_repo", "description": "new", "access": "private"},
        }
    }
    assert service.requests[0].headers["Content-Type"] == "application/vnd.api+json"
    uuid.UUID(service.requests[0].headers["Idempotency-Key"])


def test_create_in_another_organisation_is_refused_before_it_lands_in_the_own_one(
    service: FakeService, client: Client
) -> None:
    with pytest.raises(Forbidden, match=r"'other'.*'elucidata'"):
        client.create("other/new_repo", description="new")
    assert service.requests == []


def test_update_sends_only_what_changes(service: FakeService, client: Client) -> None:
    service.say(Answer(body={"data": repository(access="public")}))

    assert client.update("elucidata/repository-0", access="public").access == "public"

    assert asked(service) == ("PATCH", "/repositories/elucidata/repository-0", {})
    assert json.loads(service.requests[0].body)["data"] == {
        "type": "repositories",
        "id": "elucidata/repository-0",
        "attributes": {"access": "public"},
    }
    client.update("elucidata/repository-0", description="")
    assert json.loads(service.requests[1].body)["data"]["attributes"] == {"description": ""}


def test_commits_are_filtered_by_the_service(service: FakeService, client: Client) -> None:
    service.say(Answer(body={"data": [commit()], "links": {"next": None}}))

    found = client.commits("elucidata/16june", tag="latest", status="active", commit_hash="sha256:00")

    assert found == [
        Commit(
            f"{service.host}/elucidata/16june",
            "latest",
            "sha256:39eda93d15866957feaee28f8fc5adb545276a64147445c64992ef69804dbf01",
            "active",
            "ada@elucidata.io",
            datetime(2020, 6, 17, 19, 3, 35, tzinfo=timezone.utc),
            72_800_000,
            "application/vnd.oci.image.manifest.v1+json",
            ("linux/amd64", "linux/arm64/v8"),
        )
    ]
    assert asked(service)[1:] == (
        "/commits",
        {
            "sort": "-pushed_at",
            "filter[repository]": "elucidata/16june",
            "filter[tag]": "latest",
            "filter[tag_status]": "active",
            "filter[commit_hash]": "sha256:00",
            "page[size]": "1000",
        },
    )


def test_a_commit_says_when_it_was_replaced_where_the_service_knows(service: FakeService, client: Client) -> None:
    rows = [commit(replaced_at="2020-06-17T20:00:00Z"), commit(replaced_at=None), commit()]
    service.say(Answer(body={"data": rows, "links": {"next": None}}))
    ends = [row.replaced_at for row in client.commits("elucidata/16june")]
    assert ends == [datetime(2020, 6, 17, 20, tzinfo=timezone.utc), None, None]


def test_a_registry_token_keeps_its_password_to_itself(service: FakeService, client: Client) -> None:
    attributes = {"username": "POLLY", "password": "eyJwas.s.word", "expires_at": "2026-01-02T03:04:05Z"}
    service.say(Answer(201, {"data": {"type": "registry-tokens", "id": "1", "attributes": attributes}}))

    token = client.registry_token("pull,push", 900)

    expires_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert token == RegistryToken("POLLY", Secret("eyJwas.s.word"), expires_at)
    assert "eyJ" not in repr(token)
    assert json.loads(service.requests[0].body)["data"]["attributes"] == {"scope": "pull,push", "lifetime": 900}


def test_the_user_is_asked_for_once_and_only_if_the_login_does_not_say(service: FakeService, client: Client) -> None:
    assert client.user == USER
    assert service.requests == []
    user = {"type": "users", "id": "1", "attributes": {"email": "a@b.c", "organization": "org", "role": "admin"}}
    service.say(Answer(body={"data": user}))
    with Client(Login(service_at(service.url), Secret(KEY))) as client:
        assert [client.user.organization, client.user.organization] == ["org", "org"]
    assert len(service.requests) == 1


def test_without_a_login_the_client_takes_the_current_one(service: FakeService) -> None:
    with pytest.raises(NotLoggedIn, match=r"docker\.polly\.elucidata\.io"):
        Client()
    remember(Login(service_at(service.url), Secret(KEY), USER))
    with Client() as client:
        assert client.login == Login(service_at(service.url), Secret(KEY), USER)
        assert client.registry == service.host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-06-17T19:03:35.123456Z", (19, 3, 35, 123456)),
        ("2020-06-17T19:03:35Z", (19, 3, 35, 0)),
        ("2020-06-17T19:03:35.1z", (19, 3, 35, 100000)),
        ("2020-06-17 19:03:35.123456789Z", (19, 3, 35, 123456)),
        ("2020-06-17T21:03:35.000001+02:00", (19, 3, 35, 1)),
        ("2020-06-17T19:03:35.123456+00:00", (19, 3, 35, 123456)),
    ],
)
def test_times_are_read_in_every_form_of_rfc_3339_and_are_utc(
    service: FakeService, client: Client, text: str, expected: tuple[int, int, int, int]
) -> None:
    service.say(Answer(body={"data": [repository(created_at=text)]}))
    found = client.repositories()[0].created_at
    assert found == datetime(2020, 6, 17, *expected, tzinfo=timezone.utc)
    assert found.utcoffset() == timedelta(0)
