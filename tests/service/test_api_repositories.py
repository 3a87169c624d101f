"""Repositories by the API: who sees and may do what, what is refused and how, page after page."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import insert

from polly_magic.service.schema import repositories
from tests.service.calling import MEDIA_TYPE, Api, error, names
from tests.service.running import ADMIN, MEMBER, STRANGER, RunningService


@pytest.fixture
def api(service: RunningService) -> Api:
    return Api(service, MEMBER)


@pytest.fixture
def stranger(service: RunningService) -> Api:
    return Api(service, STRANGER)


def test_a_member_creates_a_repository_and_finds_it(api: Api):
    made = api.create("docker_demo/cache", description="Über cache", access="public")
    assert made.status_code == 201
    assert made.headers["Location"] == "/repositories/elucidata/docker_demo/cache"
    data = made.json()["data"]
    created_at = data["attributes"].pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created_at)
    assert data == {
        "type": "repositories",
        "id": "elucidata/docker_demo/cache",
        "attributes": {
            "organization": "elucidata",
            "name": "docker_demo/cache",
            "description": "Über cache",
            "access": "public",
            "created_by": MEMBER,
        },
    }
    assert api.get("/repositories/elucidata/docker_demo/cache").json() == made.json()
    assert names(api.get("/repositories")) == ["docker_demo/cache"]


def test_it_is_private_unless_said(api: Api):
    attributes = api.create("elucidata/16june").json()["data"]["attributes"]
    assert (attributes["name"], attributes["access"], attributes["description"]) == ("16june", "private", "")


@pytest.mark.parametrize("name", ["16June", "a//b", "-a", "a/", "", "a b", "a:b", "ä", "a" * 256, "\ud800", "a\0b"])
def test_a_bad_name_is_pointed_at(api: Api, name: str):
    assert error(api.create(name)) == (422, "invalid_attribute", {"pointer": "/data/attributes/name"})


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({}, "/data/attributes"),
        ({"name": 7}, "/data/attributes/name"),
        ({"name": "a", "access": "secret"}, "/data/attributes/access"),
        ({"name": "a", "access": ["private"]}, "/data/attributes/access"),
        ({"name": "a", "description": 2001 * "x"}, "/data/attributes/description"),
        ({"name": "a", "description": "\ud800"}, "/data/attributes/description"),
        ({"name": "a", "owner": "me"}, "/data/attributes"),
    ],
)
def test_bad_attributes_are_pointed_at(api: Api, attributes: dict[str, object], pointer: str):
    status, _, source = error(api.write("POST", "/repositories", "repositories", attributes))
    assert (status, source) == (422, {"pointer": pointer})
    assert names(api.get("/repositories")) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"data": []}', 400),
        (b'{"data": {"attributes": {}}}', 400),
        (b'{"data": {"type": "repositories", "attributes": []}}', 400),
        (b'{"data": {"type": "repositories", "attributes": {"name": NaN}}}', 400),
        (b'{"data": {"type": "commits", "attributes": {}}}', 409),
        (b'{"data": {"type": "repositories", "id": "x", "attributes": {"name": "a"}}}', 403),
        (b"[" * 100_000, 400),
        (b'{"data": ' + b"9" * 5000 + b"}", 400),
        (b" " * (1 << 20) + b"{}", 413),
    ],
)
def test_a_malformed_body_is_refused(api: Api, body: bytes, status: int):
    answer = api.call("POST", "/repositories", data=body, headers={"Content-Type": MEDIA_TYPE})
    assert error(answer)[0] == status


def test_an_existing_name_is_a_conflict(api: Api):
    assert api.create("a").status_code == 201
    assert error(api.create("a")) == (409, "repository_exists", {"pointer": "/data/attributes/name"})


def test_one_of_many_creations_at_once_wins(api: Api):
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: api.create("a").status_code, range(8)))
    assert sorted(statuses) == [201] + 7 * [409]


def test_a_write_sent_again_with_its_key_is_answered_the_same(api: Api, service: RunningService):
    again = {"Idempotency-Key": "once"}
    first = api.create("a", headers=again)
    second = api.create("a", headers=again)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.status_code == 201
    assert error(api.create("b", headers=again)) == (422, "idempotency_key_reused", {"header": "Idempotency-Key"})
    assert Api(service, ADMIN).create("b", headers=again).status_code == 201, "another user's key is another key"
    assert error(api.create("c", headers={"Idempotency-Key": 256 * "x"}))[0] == 400


def test_a_refused_write_may_be_sent_again_with_its_key(api: Api):
    again = {"Idempotency-Key": "once"}
    assert api.create("A", headers=again).status_code == 422
    assert api.create("a", headers=again).status_code == 201


def test_a_private_repository_is_missing_for_others(api: Api, stranger: Api):
    api.create("16june")
    foreign = stranger.get("/repositories/elucidata/16june")
    missing = stranger.get("/repositories/elucidata/17june")
    assert error(foreign) == (404, "repository_not_found", {})
    assert foreign.text.replace("16june", "17june") == missing.text
    patched = stranger.change("elucidata/16june", access="public")
    assert (patched.status_code, patched.text) == (404, foreign.text)
    assert names(stranger.get("/repositories")) == []
    commits = stranger.get("/commits", **{"filter[repository]": "elucidata/16june"})
    assert (commits.status_code, commits.text) == (404, foreign.text)


def test_a_public_one_is_read_by_others_and_changed_by_members(api: Api, stranger: Api, service: RunningService):
    api.create("16june")
    assert api.change("elucidata/16june", access="public", description="ours").status_code == 200
    seen = stranger.get("/repositories/elucidata/16june").json()["data"]["attributes"]
    assert (seen["access"], seen["description"]) == ("public", "ours")
    assert error(stranger.change("elucidata/16june", access="private"))[:2] == (403, "foreign_repository")
    assert names(stranger.get("/repositories")) == []
    assert Api(service, ADMIN).change("elucidata/16june", access="private").status_code == 200
    assert stranger.get("/repositories/elucidata/16june").status_code == 404


def test_a_change_names_what_it_changes(api: Api):
    api.create("a")
    headers = {"Content-Type": MEDIA_TYPE}

    def change(data: dict[str, object]) -> int:
        body = json.dumps({"data": data})
        return error(api.call("PATCH", "/repositories/elucidata/a", data=body, headers=headers))[0]

    assert change({"type": "repositories"}) == 400
    assert change({"type": "repositories", "id": "elucidata/b"}) == 409
    assert error(api.change("elucidata/a", name="b"))[0] == 422


@pytest.fixture
def many(service: RunningService, api: Api) -> list[str]:
    """Repositories, oldest first; several of the same microsecond."""
    made = [f"r{number:02}_{'x' if number % 2 else 'y'}" for number in range(25)]
    rows = [
        {
            "organization_id": 1, "name": name, "description": "", "created_by": 1, "created_at": number // 3,
            "access": "public" if number % 5 == 0 else "private",
        }
        for number, name in enumerate(made)
    ]  # fmt: skip
    service.database.write_now(lambda connection: connection.execute(insert(repositories), rows))
    return made


@pytest.mark.parametrize("sort", [None, "-created_at", "created_at", "name", "-name"])
@pytest.mark.parametrize("size", [1, 4, 24, 25, 1000])
def test_pages_give_every_row_once_and_in_order(api: Api, many: list[str], sort: str | None, size: int):
    found: list[str] = []
    answer = api.get("/repositories", **({"sort": sort} if sort else {}), **{"page[size]": size})
    while True:
        page = names(answer)
        assert len(page) <= size
        found += page
        if "next" not in answer.json()["links"]:
            break
        assert len(page) == size
        answer = api.call("GET", answer.json()["links"]["next"])
    assert found == (many if sort in ("created_at", "name") else many[::-1])


def test_a_row_made_meanwhile_moves_no_page(api: Api, many: list[str]):
    first = api.get("/repositories", **{"page[size]": 10})
    api.create("new")
    second = api.call("GET", first.json()["links"]["next"])
    assert names(first) + names(second) == many[::-1][:20]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("R0", [f"r0{n}" for n in range(10)]),
        ("r0?_X", ["r01", "r03", "r05", "r07", "r09"]),
        ("*4_y", ["r04", "r14", "r24"]),
        ("elucidata/r24", ["r24"]),
        ("_x", [f"r{n:02}" for n in range(1, 25, 2)]),
        ("r%", []),
        ("r0_x", []),
        ("r2", ["r20", "r21", "r22", "r23", "r24"]),
        ("2*", []),
        ("\\", []),
    ],
)
def test_names_are_filtered_by_part_or_glob(api: Api, many: list[str], pattern: str, expected: list[str]):
    found = names(api.get("/repositories", sort="name", **{"filter[name]": pattern}))
    assert [name.partition("_")[0] for name in found] == expected


def test_a_filter_holds_on_the_next_pages_as_well(api: Api, many: list[str]):
    answer = api.get("/repositories", **{"filter[access]": "public", "page[size]": 2})
    found = names(answer)
    while "next" in answer.json()["links"]:
        answer = api.call("GET", answer.json()["links"]["next"])
        found += names(answer)
    assert found == many[::-1][4::5]


@pytest.mark.parametrize(
    ("parameters", "parameter"),
    [
        ({"page[size]": "0"}, "page[size]"),
        ({"page[size]": "1001"}, "page[size]"),
        ({"page[size]": "١"}, "page[size]"),
        ({"page[size]": ["1", "2"]}, "page[size]"),
        ({"page[after]": "x"}, "page[after]"),
        ({"page[after]": "WyItY3JlYXRlZF9hdCIsIDEsIDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"}, "page[after]"),
        ({"page[after]": "ä"}, "page[after]"),
        ({"sort": "size"}, "sort"),
        ({"filter[access]": "secret"}, "filter[access]"),
        ({"filter[name]": "\0"}, "filter[name]"),
        ({"filter[tag]": "x"}, "filter[tag]"),
        ({"limit": "5"}, "limit"),
    ],
)
def test_bad_parameters_are_pointed_at(api: Api, parameters: dict[str, str], parameter: str):
    status, _, source = error(api.get("/repositories", **parameters))
    assert (status, source) == (400, {"parameter": parameter})


def test_a_cursor_is_for_its_own_order(api: Api, many: list[str]):
    link = api.get("/repositories", sort="name", **{"page[size]": 5}).json()["links"]["next"]
    assert error(api.call("GET", link.replace("sort=name", "sort=-name")))[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "pk_" + 43 * "x"},
        {"x-api-key": "ä".encode("latin-1")},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic UE9MTFk6eA=="},
    ],
)
@pytest.mark.parametrize("path", ["/users/me", "/repositories", "/repositories/elucidata/x", "/commits"])
def test_without_a_good_key_nothing_is_told(service: RunningService, path: str, headers: dict[str, str]):
    answer = Api(service, None).call("GET", path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_may_come_as_bearer_token(service: RunningService):
    answer = Api(service, None).call("GET", "/users/me", headers={"Authorization": f"Bearer {service.keys[ADMIN]}"})
    assert answer.json()["data"]["attributes"] == {"email": ADMIN, "organization": "elucidata", "role": "admin"}


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        (MEDIA_TYPE, 200),
        ("text/html, */*;q=0.1", 200),
        (f"{MEDIA_TYPE};ext=x, {MEDIA_TYPE}", 200),
        (f"{MEDIA_TYPE};ext=x", 406),
        ("text/html", 406),
        (f"{MEDIA_TYPE};q=0", 406),
    ],
)
def test_accept_is_negotiated(api: Api, accept: str, status: int):
    assert api.call("GET", "/repositories", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize("content_type", ["application/json", f"{MEDIA_TYPE};charset=utf-8", "text/plain", ""])
def test_another_content_type_is_refused(api: Api, content_type: str):
    answer = api.call("POST", "/repositories", data=b"{}", headers={"Content-Type": content_type})
    assert error(answer) == (415, "unsupported_media_type", {"header": "Content-Type"})


def test_unknown_paths_and_methods_are_refused_in_form(api: Api):
    assert error(api.get("/nothing"))[:2] == (404, "not_found")
    answer = api.call("DELETE", "/repositories")
    assert error(answer)[:2] == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


def test_a_page_of_a_thousand_is_quick(service: RunningService, api: Api):
    rows = [
        {
            "organization_id": 1, "name": f"r{n}", "description": "d", "created_by": 1, "created_at": n,
            "access": "private",
        }
        for n in range(5000)
    ]  # fmt: skip
    service.database.write_now(lambda connection: connection.execute(insert(repositories), rows))
    with requests.Session() as session:
        session.headers.update(api.headers)
        times: list[float] = []
        for _ in range(5):
            start = time.perf_counter()
            answer = session.get(f"{service.url}/repositories", params={"page[size]": 1000}, timeout=20)
            times.append(time.perf_counter() - start)
            assert len(answer.content) > 100_000
    assert min(times) < 0.1, times
