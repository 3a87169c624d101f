"""Lists of more than one page, and lists that never end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from polly_magic.api import pages
from polly_magic.errors import ServiceFailure, UsageError

from .conftest import KEY, Answer, commit, repository

if TYPE_CHECKING:
    from polly_magic.api import Client

    from .conftest import FakeService


def page(numbers: range, following: object = None) -> Answer:
    return Answer(body={"data": [repository(number) for number in numbers], "links": {"next": following}})


def test_every_page_is_read_to_the_end_in_order(service: FakeService, client: Client) -> None:
    service.say(
        page(range(1000), f"{service.url}/repositories?page[after]=a"),  # absolute
        page(range(1000, 2000), "/repositories?page[after]=b"),  # relative, as JSON:API allows
        page(range(2000, 2001), {"href": "/repositories?page[after]=c"}),  # an object, as JSON:API allows
        page(range(2001, 2002)),
    )
    told: list[tuple[int, int | None]] = []

    found = client.repositories(progress=lambda *now: told.append(now))

    assert [row.description for row in found] == [f"number {number}" for number in range(2002)]
    assert [request.headers["x-api-key"] for request in service.requests] == [KEY] * 4
    cursors = [parse_qs(urlsplit(request.target).query).get("page[after]") for request in service.requests]
    assert cursors == [None, ["a"], ["b"], ["c"]]
    assert told == [(1000, None), (2000, None), (2001, None), (2002, None)]


def test_one_page_tells_no_progress(service: FakeService, client: Client) -> None:
    service.say(page(range(5)))
    told: list[object] = []
    assert len(client.repositories(progress=lambda *now: told.append(now))) == 5
    assert told == []


@pytest.mark.parametrize(("limit", "size", "requests"), [(1, "1", 1), (1000, "1000", 1), (1500, "1000", 2)])
def test_a_limit_asks_for_no_more_than_it_needs(
    service: FakeService, client: Client, limit: int, size: str, requests: int
) -> None:
    first = range(min(limit, 1000))
    service.say(page(first, "/repositories?page[after]=a"), page(range(1000, 2000), "/repositories?page[after]=b"))
    assert len(client.repositories(limit=limit)) == limit
    assert parse_qs(urlsplit(service.requests[0].target).query)["page[size]"] == [size]
    assert len(service.requests) == requests


def test_a_service_with_smaller_pages_is_read_all_the_same(service: FakeService, client: Client) -> None:
    service.say(page(range(2), "/repositories?page[after]=a"), page(range(2, 4), "/repositories?page[after]=b"))
    assert [row.description for row in client.repositories(limit=3)] == ["number 0", "number 1", "number 2"]


def test_no_rows_are_no_request(service: FakeService, client: Client) -> None:
    assert client.repositories(limit=0) == []
    assert service.requests == []
    with pytest.raises(UsageError, match="-1"):
        client.repositories(limit=-1)


def test_a_page_that_names_itself_or_an_earlier_one_ends_the_matter(service: FakeService, client: Client) -> None:
    a, b = (f"{service.url}/repositories?page[after]={cursor}" for cursor in "ab")
    service.say(page(range(2), a), page(range(2, 4), b), page(range(2), a))
    with pytest.raises(ServiceFailure, match="one that was read before"):
        client.repositories()
    assert len(service.requests) == 3


def test_ever_new_pages_come_to_an_end(service: FakeService, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_MOST_PAGES", 7)
    service.say(*(page(range(2), f"/repositories?page[after]={number}") for number in range(100)))
    with pytest.raises(ServiceFailure, match="no end after 7 pages"):
        client.repositories()
    assert len(service.requests) == 7


def test_empty_pages_without_an_end_are_refused_at_once(service: FakeService, client: Client) -> None:
    service.say(*(page(range(0), f"/repositories?page[after]={number}") for number in range(100)))
    with pytest.raises(ServiceFailure, match="an empty page names a next one"):
        client.repositories()
    assert len(service.requests) == 1


@pytest.mark.parametrize("link", ["https://elsewhere.example/x", "{other}/repositories", "//{host}@elsewhere.example/"])
def test_a_next_page_elsewhere_is_refused_and_takes_no_key_there(
    service: FakeService, other_service: FakeService, client: Client, link: str
) -> None:
    service.say(page(range(2), link.format(other=other_service.url, host=service.host)))
    with pytest.raises(ServiceFailure, match="its key must not go"):
        client.repositories()
    assert other_service.requests == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"data": {}}, "'data' of a list is no list"),
        ({"data": [None]}, "None stands where"),
        ({"data": [], "links": []}, "'links' is no object"),
        ({"data": [repository()], "links": {"next": 5}}, "'links.next' is no URL"),
        ({"data": [repository()], "links": {"next": "http://["}}, "a link is no URL"),
        ({"data": [commit()]}, "type is 'commits' where 'repositories'"),
    ],
)
def test_a_list_that_breaks_the_contract_says_where(
    service: FakeService, client: Client, body: object, what: str
) -> None:
    service.say(Answer(body=body))
    with pytest.raises(ServiceFailure, match=what):
        client.repositories()
