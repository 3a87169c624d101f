"""Commits by the API: what the pushes left, filtered, page after page, and rolled back."""

from __future__ import annotations

import pytest

from tests.service.calling import Api, error
from tests.service.running import ADMIN, MEMBER, STRANGER, Registry, RunningService

PATH = "elucidata/16june"


@pytest.fixture
def api(service: RunningService) -> Api:
    return Api(service, MEMBER)


@pytest.fixture
def digests(registry: Registry) -> list[str]:
    """Digests of three pushes of `latest` and one of `v1`, oldest first."""
    pushes = [("latest", "a"), ("v1", "a"), ("latest", "b"), ("latest", "c")]
    found: list[str] = []
    for tag, name in pushes:
        answer = registry.put(tag, registry.image(name, "linux/arm64/v8"))
        assert answer.status_code == 201, answer.text
        found.append(answer.headers["Docker-Content-Digest"])
    return found


def rows(answer, *fields: str):
    assert answer.status_code == 200, answer.text
    return [tuple(each["attributes"][field] for field in fields) for each in answer.json()["data"]]


def listed(api: Api, *fields: str, **parameters: object):
    return rows(api.get("/commits", **{"filter[repository]": PATH, **parameters}), *fields)


def roll_back(api: Api, digest: str, tag: str = "latest", path: str = PATH, **options):
    attributes = {"repository": path, "tag": tag, "commit_hash": digest}
    return api.write("POST", "/commits", "commits", attributes, **options)


def test_every_push_is_a_commit_newest_first(api: Api, digests: list[str]):
    a, v1, b, c = digests
    found = listed(api, "tag", "commit_hash", "tag_status")
    assert found == [
        ("latest", c, "active"), ("latest", b, "inactive"), ("v1", v1, "active"), ("latest", a, "inactive")
    ]  # fmt: skip
    assert listed(api, "commit_hash", sort="pushed_at") == [(a,), (v1,), (b,), (c,)]
    newest = api.get("/commits", **{"filter[repository]": PATH}).json()["data"][0]["attributes"]
    assert newest["pushed_by"] == MEMBER
    assert newest["repository"] == PATH
    assert newest["platforms"] == ["linux/arm64/v8"]
    assert newest["media_type"] == "application/vnd.oci.image.manifest.v1+json"
    assert newest["size"] > 0
    assert newest["replaced_at"] is None


def test_a_replaced_commit_says_when(api: Api, digests: list[str]):
    pushed = listed(api, "pushed_at", "replaced_at", **{"filter[tag]": "latest"})
    assert [replaced for _, replaced in pushed] == [None, pushed[0][0], pushed[1][0]]


def test_filters(api: Api, digests: list[str]):
    a, _, b, c = digests
    assert listed(api, "tag", **{"filter[tag]": "v1"}) == [("v1",)]
    assert listed(api, "tag", **{"filter[tag]": "V1"}) == []
    assert listed(api, "commit_hash", **{"filter[tag_status]": "inactive"}) == [(b,), (a,)]
    assert listed(api, "commit_hash", **{"filter[tag_status]": "active", "filter[tag]": "latest"}) == [(c,)]
    for prefix in (b, b[7:14], b[:20], b[7:]):
        assert listed(api, "commit_hash", **{"filter[commit_hash]": prefix}) == [(b,)]
    assert listed(api, "commit_hash", **{"filter[commit_hash]": "sha512:" + b[7:14]}) == []


@pytest.mark.parametrize(
    ("parameters", "parameter"),
    [
        ({}, "filter[repository]"),
        ({"filter[repository]": PATH, "filter[commit_hash]": "57473"}, "filter[commit_hash]"),
        ({"filter[repository]": PATH, "filter[commit_hash]": "ABCDEF0"}, "filter[commit_hash]"),
        ({"filter[repository]": PATH, "filter[commit_hash]": "md5:abcdef01"}, "filter[commit_hash]"),
        ({"filter[repository]": PATH, "filter[tag_status]": "old"}, "filter[tag_status]"),
        ({"filter[repository]": PATH, "sort": "tag"}, "sort"),
        ({"filter[repository]": PATH, "page[after]": "e30"}, "page[after]"),
        ({"filter[repository]": PATH, "filter[name]": "x"}, "filter[name]"),
    ],
)
def test_bad_parameters_are_pointed_at(api: Api, parameters: dict[str, str], parameter: str):
    status, _, source = error(api.get("/commits", **parameters))
    assert (status, source) == (400, {"parameter": parameter})


@pytest.mark.parametrize("path", ["elucidata/none", "none", "", "Elucidata/x", "a/b\\c", 300 * "a"])
def test_commits_of_a_missing_repository(api: Api, path: str):
    assert error(api.get("/commits", **{"filter[repository]": path}))[:2] == (404, "repository_not_found")


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages(api: Api, digests: list[str], size: int):
    found = []
    answer = api.get("/commits", **{"filter[repository]": PATH, "page[size]": size})
    while True:
        found += rows(answer, "commit_hash")
        if "next" not in answer.json()["links"]:
            break
        answer = api.call("GET", answer.json()["links"]["next"])
    assert [digest for (digest,) in found] == digests[::-1]


def test_a_roll_back_is_a_new_commit_of_whoever_does_it(
    service: RunningService, digests: list[str], registry: Registry
):
    a, _, b, c = digests
    answer = roll_back(Api(service, ADMIN), a)
    assert answer.status_code == 201
    made = answer.json()["data"]["attributes"]
    assert (made["commit_hash"], made["tag_status"], made["pushed_by"]) == (a, "active", ADMIN)
    api = Api(service, MEMBER)
    assert listed(api, "commit_hash", "tag_status", **{"filter[tag]": "latest"}) == [
        (a, "active"), (c, "inactive"), (b, "inactive"), (a, "inactive")
    ]  # fmt: skip
    assert registry.get("manifests/latest").headers["Docker-Content-Digest"] == a


def test_a_roll_back_to_where_the_tag_points_adds_nothing(api: Api, digests: list[str]):
    answer = roll_back(api, digests[-1])
    assert (answer.status_code, answer.json()["data"]["attributes"]["commit_hash"]) == (200, digests[-1])
    assert len(listed(api, "tag")) == 4


def test_a_roll_back_sent_again_is_one(api: Api, digests: list[str]):
    again = {"Idempotency-Key": "once"}
    first = roll_back(api, digests[0], headers=again)
    assert roll_back(api, digests[2]).status_code == 201
    second = roll_back(api, digests[0], headers=again)
    assert (second.status_code, second.text) == (201, first.text)
    assert len(listed(api, "tag")) == 6


def test_what_a_tag_never_pointed_at_is_refused(api: Api, digests: list[str]):
    pointer = {"pointer": "/data/attributes/commit_hash"}
    assert error(roll_back(api, digests[2], tag="v1")) == (404, "commit_not_found", pointer)
    assert error(roll_back(api, "sha256:" + 64 * "0")) == (404, "commit_not_found", pointer)
    assert error(roll_back(api, digests[0], path="elucidata/none"))[:2] == (404, "repository_not_found")
    assert error(roll_back(api, digests[0][:20]))[::2] == (422, pointer)
    assert error(roll_back(api, digests[0], tag="a b"))[::2] == (422, {"pointer": "/data/attributes/tag"})
    assert len(listed(api, "tag")) == 4


def test_strangers_roll_nothing_back(service: RunningService, digests: list[str], api: Api):
    stranger = Api(service, STRANGER)
    missing = roll_back(stranger, digests[0], path="elucidata/none")
    foreign = roll_back(stranger, digests[0])
    assert (foreign.status_code, foreign.text) == (404, missing.text.replace("elucidata/none", PATH))
    api.change(PATH, access="public")
    assert error(roll_back(stranger, digests[0]))[0] == 403
    assert listed(stranger, "commit_hash")[0] == (digests[-1],)
