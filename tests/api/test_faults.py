"""What a client makes of a service that refuses, fails, stalls, or is something else."""

from __future__ import annotations

import logging
import socket
import threading
import time
import traceback
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from polly_magic.api import Client
from polly_magic.errors import (
    Conflict,
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
from polly_magic.settings import Login, Service, service_at

from .conftest import KEY, USER, Answer, commit, refusal, repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import FakeService

GOOD = Answer(body={"data": repository()})


def get(client: Client) -> object:
    return client.repository("elucidata/repository-0")


def create(client: Client) -> object:
    return client.create("elucidata/repository-0", description="")


def update(client: Client) -> object:
    return client.update("elucidata/repository-0", description="")


class TestRetries:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    @pytest.mark.parametrize("call", [get, create, update])
    def test_what_passes_is_tried_again(
        self, service: FakeService, client: Client, status: int, call: Callable[[Client], object]
    ) -> None:
        service.say(Answer(status, "busy"), GOOD)
        call(client)
        assert len(service.requests) == 2

    @pytest.mark.parametrize("fault", [Answer(drop=True), Answer(body={"data": repository()}, cut=True)])
    @pytest.mark.parametrize("call", [get, create, update])
    def test_a_broken_connection_is_tried_again(
        self, service: FakeService, client: Client, fault: Answer, call: Callable[[Client], object]
    ) -> None:
        service.say(fault, fault, GOOD)
        call(client)
        assert len(service.requests) == 3

    def test_a_write_says_each_time_that_it_is_the_same(self, service: FakeService, client: Client) -> None:
        service.say(Answer(drop=True), Answer(503), GOOD)
        create(client)
        service.say(GOOD)
        create(client)
        keys = [request.headers["Idempotency-Key"] for request in service.requests]
        assert keys[0] == keys[1] == keys[2] != keys[3]
        assert len({request.body for request in service.requests}) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 501, 507])
    def test_what_does_not_pass_is_not(self, service: FakeService, client: Client, status: int) -> None:
        service.say(refusal(status, "No."), GOOD)
        with pytest.raises(PollyError):
            get(client)
        assert len(service.requests) == 1

    @pytest.mark.parametrize("date", [False, True])
    def test_retry_after_is_waited_for(self, service: FakeService, client: Client, date: bool) -> None:
        # A date has whole seconds: two from now are at least one away.
        after = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True) if date else "1"
        service.say(Answer(503, headers={"Retry-After": after}), GOOD)
        get(client)
        assert 0.95 <= service.times[1] - service.times[0] < 2.5

    @pytest.mark.parametrize("after", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
    def test_a_retry_after_beyond_patience_is_told_rather_than_waited_for(
        self, service: FakeService, client: Client, after: str
    ) -> None:
        service.say(Answer(429, headers={"Retry-After": after}), GOOD)
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable) as caught:
            get(client)
        assert time.monotonic() - begun < 1
        assert len(service.requests) == 1
        assert caught.value.remedy == ("Try again in 3600 s." if after == "3600" else "Try again in a minute.")

    @pytest.mark.parametrize("after", ["", "soon", "-5", "1e3", "٣", "9" * 400, "Fri, 99 Dec 2100", "Thu, 01 Jan 1970"])
    def test_a_retry_after_that_makes_no_sense_does_no_harm(
        self, service: FakeService, client: Client, after: str
    ) -> None:
        service.say(Answer(503, headers={"Retry-After": after.encode().decode("latin-1")}), GOOD)
        get(client)
        assert service.times[1] - service.times[0] < 1

    def test_trying_ends(self, service: FakeService, client: Client) -> None:
        service.say(refusal(503, "The service is being updated."))
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="being updated"):
            get(client)
        assert len(service.requests) == 5
        waits = [after - before for before, after in zip(service.times, service.times[1:], strict=False)]
        assert all(0.5 * usual <= wait < usual + 0.2 for wait, usual in zip(waits, (0.25, 0.5, 1, 2), strict=True))
        assert time.monotonic() - begun < 5

    def test_patience_ends_a_slow_answer(self, service: FakeService) -> None:
        service.say(Answer(body={"data": repository()}, delay=1))
        client = Client(Login(service_at(service.url), Secret(KEY), USER), patience=0.3)
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="no answer in time"):
            get(client)
        assert time.monotonic() - begun < 0.8


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, Rejected),
            (401, NotLoggedIn),
            (403, Forbidden),
            (404, NotFound),
            (409, Conflict),
            (422, Rejected),
            (500, ServiceFailure),
            (507, StorageFull),
            (418, ServiceFailure),
        ],
    )
    def test_each_status_is_a_kind_of_error_with_what_the_service_said(
        self, service: FakeService, client: Client, status: int, kind: type[PollyError]
    ) -> None:
        service.say(refusal(status, "The key has expired."))
        with pytest.raises(PollyError) as caught:
            get(client)
        assert type(caught.value) is kind
        assert "The key has expired." in caught.value.problem
        assert caught.value.remedy

    def test_a_refused_key_names_the_command_or_the_variable_it_came_from(
        self, service: FakeService, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.say(refusal(401, "There is no such key."))
        with pytest.raises(NotLoggedIn) as caught:
            get(client)
        assert caught.value.problem == f"{service.host} does not accept the key: There is no such key."
        assert caught.value.remedy == "Run %polly_dockers login"
        monkeypatch.setenv("POLLY_API_KEY", KEY)
        with pytest.raises(NotLoggedIn, match="Put a valid key into POLLY_API_KEY, or unset it"):
            get(client)

    def test_a_rejected_value_is_named_by_its_field(self, service: FakeService, client: Client) -> None:
        errors = [
            {"detail": "too long", "source": {"pointer": "/data/attributes/description"}},
            {"title": "no such status", "source": {"parameter": "filter[tag_status]"}},
        ]
        service.say(Answer(422, {"errors": errors}))
        with pytest.raises(Rejected) as caught:
            create(client)
        assert caught.value.problem == "description: too long; filter[tag_status]: no such status"

    def test_a_strangers_words_neither_move_the_cursor_nor_fill_the_screen(
        self, service: FakeService, client: Client
    ) -> None:
        service.say(refusal(404, "\x1b[2J\r\n" + "x" * 10_000))
        with pytest.raises(NotFound) as caught:
            get(client)
        assert caught.value.problem.isprintable()
        assert len(caught.value.problem) < 600

    @pytest.mark.parametrize(
        "body",
        [
            "<html>Not here</html>",
            "",
            "[]",
            "null",
            '{"errors": {}}',
            '{"errors": []}',
            '{"errors": [1, {}]}',
            b"\xff\xfe",
        ],
    )
    @pytest.mark.parametrize("status", [401, 404, 500])
    def test_a_refusal_of_something_else_than_the_service_is_its_failure(
        self, service: FakeService, client: Client, status: int, body: str | bytes
    ) -> None:
        service.say(Answer(status, body, {"Content-Type": "text/html"}))
        with pytest.raises(ServiceFailure, match=f"{status} came with text/html instead of JSON:API"):
            get(client)


class TestContract:
    @pytest.mark.parametrize(
        ("body", "what"),
        [
            ("<html>Welcome to the Wi-Fi</html>", "application/vnd.api\\+json came instead of JSON:API"),
            (b"\xff\xfe", "came instead of JSON:API"),
            ("[" * 100_000, "came instead of JSON:API"),
            ([], "no 'data'"),
            ({"meta": {}}, "no 'data'"),
            ({"data": None}, "None stands where an object of type 'repositories'"),
            ({"data": {"type": "users"}}, "type is 'users' where 'repositories'"),
            ({"data": {"type": "repositories"}}, "no attributes"),
            ({"data": {**repository(), "id": 5}}, "'id' is 5 where a text"),
            ({"data": {"type": "repositories", "id": "a/b", "attributes": {}}}, "'description' is missing"),
            ({"data": repository(description=None)}, "'description' is None where a text"),
            ({"data": repository(access="secret")}, "'access' is 'secret' where private or public"),
            ({"data": repository(access=["private"])}, "'access' is \\['private'\\]"),
            ({"data": repository(created_at="yesterday")}, "'created_at' is 'yesterday' where an RFC 3339 time"),
            ({"data": repository(created_at="2020-13-45T00:00:00.000000Z")}, "where an RFC 3339 time"),
            ({"data": repository(created_at="2020-06-17T19:03:35")}, "where an RFC 3339 time"),
            ({"data": repository(created_at="0001-01-01T00:00:00+23:59")}, "where an RFC 3339 time"),
            ({"data": repository(created_at="9999-12-31T00:00:00.000000Z")}, "where a time of these days"),
            ({"data": repository(created_at=1592420615)}, "'created_at' is 1592420615 where a time"),
        ],
    )
    def test_an_answer_that_breaks_the_contract_says_where(
        self, service: FakeService, client: Client, body: object, what: str
    ) -> None:
        service.say(Answer(body=body))
        with pytest.raises(ServiceFailure, match=what):
            get(client)

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"size": -1}, "'size' is -1 where a number"),
            ({"size": True}, "'size' is True where a number"),
            ({"size": 2**63}, "'size' is 9223372036854775808"),
            ({"size": "12"}, "'size' is '12'"),
            ({"platforms": "linux/amd64"}, "'platforms' is 'linux/amd64' where a list of texts"),
            ({"platforms": [None]}, "'platforms' is \\[None\\]"),
            ({"tag_status": "ACTIVE"}, "'tag_status' is 'ACTIVE' where active or inactive"),
        ],
    )
    def test_a_commit_that_breaks_it_says_where(
        self, service: FakeService, client: Client, changes: dict[str, object], what: str
    ) -> None:
        service.say(Answer(body={"data": [commit(**changes)]}))
        with pytest.raises(ServiceFailure, match=what):
            client.commits("elucidata/16june")

    def test_new_attributes_of_a_newer_service_do_no_harm(self, service: FakeService, client: Client) -> None:
        service.say(Answer(body={"data": repository(stars=5), "jsonapi": {"version": "1.1"}}))
        assert client.repository("elucidata/repository-0").description == "number 0"


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_within_the_service_are_followed(self, service: FakeService, client: Client, status: int) -> None:
        service.say(Answer(status, headers={"Location": "/moved"}), GOOD)
        get(client)
        assert service.requests[1].target == "/moved"
        assert service.requests[1].headers["x-api-key"] == KEY

    @pytest.mark.parametrize("call", [get, create, update])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_to_another_place_are_refused_and_take_no_key_there(
        self,
        service: FakeService,
        other_service: FakeService,
        client: Client,
        call: Callable[[Client], object],
        status: int,
    ) -> None:
        service.say(Answer(status, headers={"Location": f"{other_service.url}/repositories"}))
        with pytest.raises(ServiceFailure):
            call(client)
        assert other_service.requests == []

    def test_of_which_none_is_the_last_come_to_an_end(self, service: FakeService, client: Client) -> None:
        service.say(Answer(302, headers={"Location": "/round"}))
        with pytest.raises(ServiceFailure, match="redirects more than 5 times"):
            get(client)
        assert len(service.requests) == 6

    @pytest.mark.parametrize("location", ["//[", "http://[::1", "mailto:a@b.c", "http://x:y/", "ftp://127.0.0.1/"])
    def test_to_nonsense_are_refused(self, service: FakeService, client: Client, location: str) -> None:
        service.say(Answer(302, headers={"Location": location}))
        with pytest.raises(ServiceFailure):
            get(client)
        assert len(service.requests) == 1


class TestSilence:
    def login(self, url: str, data: str | None = None) -> Login:
        return Login(Service(url, url.partition("//")[2], data), Secret(KEY), USER)

    @pytest.mark.parametrize(("data", "command"), [(None, "polly-dockers serve"), ("/data", "login --local")])
    def test_nobody_listens(self, data: str | None, command: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            with pytest.raises(ServiceUnavailable, match="connection refused") as caught:
                get(Client(self.login(url, data), patience=0.5))
        assert caught.value.problem == f"{url} does not answer: connection refused."
        assert command in caught.value.remedy

    def test_the_host_is_not_known(self) -> None:
        with pytest.raises(ServiceUnavailable, match="its host name is not known"):
            get(Client(self.login("https://no-such-host.invalid"), patience=0.2))

    def test_the_host_can_be_no_host(self) -> None:
        with pytest.raises(ServiceUnavailable, match="its host name is not known"):
            get(Client(self.login(f"https://{'a' * 64}.invalid"), patience=0.2))

    def test_somebody_else_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def hang_up() -> None:
                connection, _ = server.accept()
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9\r\n")
                connection.close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            with pytest.raises(ServiceUnavailable, match="the connection broke"):
                get(Client(self.login(f"http://127.0.0.1:{server.getsockname()[1]}"), patience=0.1))
            thread.join()

    def test_tls_where_there_is_none_is_not_tried_again(self, service: FakeService) -> None:
        with pytest.raises(ServiceUnavailable, match="TLS certificate or handshake is not right"):
            get(Client(self.login(f"https://{service.host}")))


class TestSecrets:
    FAULTS = (
        refusal(401, f"The key {KEY} is not known."),
        refusal(422, KEY, source={"pointer": f"/data/attributes/{KEY}"}),
        Answer(503, {"errors": [{"detail": KEY}]}, {"Retry-After": "99"}),
        Answer(500, KEY, {"Content-Type": KEY}),
        Answer(200, {"data": KEY}),
        Answer(200, KEY, {"Content-Type": KEY}),
        Answer(302, headers={"Location": f"https://{KEY}/"}),
        Answer(drop=True),
    )

    @pytest.mark.parametrize("fault", FAULTS)
    def test_no_error_traceback_or_log_shows_the_key(
        self, service: FakeService, fault: Answer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        service.say(fault)
        client = Client(Login(service_at(service.url), Secret(KEY), USER), patience=0.2)
        with pytest.raises(PollyError) as caught:
            get(client)
        caught.value.debug = True
        shown = [
            str(caught.value),
            repr(caught.value),
            *caught.value._render_traceback_(),
            *traceback.format_exception(caught.value),
            repr(client),
            repr(client.login),
            caplog.text,
            *capfd.readouterr(),
        ]
        assert "urllib3" in caplog.text
        assert [text for text in shown if KEY in text] == []

    def test_a_key_of_any_look_is_struck_out_of_what_the_service_says(self, service: FakeService) -> None:
        service.say(refusal(401, "The key looks-like-no-key-of-ours is not known."))
        with pytest.raises(NotLoggedIn, match=r"The key \*\*\* is not known"):
            get(Client(Login(service_at(service.url), Secret("looks-like-no-key-of-ours"), USER)))

    def test_a_request_to_another_origin_carries_no_key(self, other_service: FakeService, client: Client) -> None:
        client._session._http.get(other_service.url)
        assert "x-api-key" not in other_service.requests[0].headers

    def test_netrc_does_not_stand_in_for_the_key(
        self, service: FakeService, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        client._session._http.trust_env = True  # as it is for every service that is not on this machine
        service.say(GOOD)
        get(client)
        assert service.requests[0].headers["x-api-key"] == KEY
        assert "Authorization" not in service.requests[0].headers

    def test_a_proxy_does_not_hear_what_this_machine_tells_itself(
        self, service: FakeService, other_service: FakeService, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, other_service.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        service.say(GOOD)
        get(client)
        assert len(service.requests) == 1
        assert other_service.requests == []

    def test_no_cookie_is_kept(self, service: FakeService, client: Client) -> None:
        service.say(Answer(body={"data": repository()}, headers={"Set-Cookie": "track=me; Path=/"}))
        get(client)
        get(client)
        assert "Cookie" not in service.requests[1].headers

    @pytest.mark.parametrize("key", ["", "pk_two words", "pk_line\nbreak", "pk_\x00", "pk_é", "pk_\u2028"])
    def test_a_key_that_is_none_is_refused_without_a_word_of_it(self, service: FakeService, key: str) -> None:
        with pytest.raises(NotLoggedIn) as caught:
            Client(Login(service_at(service.url), Secret(key)))
        assert "pk_" not in str(caught.value)


def test_many_threads_share_one_client(service: FakeService, client: Client) -> None:
    service.say(GOOD)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                get(client)
        except PollyError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(service.requests) == 160
