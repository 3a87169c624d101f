"""Which service and which key are taken, where they are kept, and who can see them."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import keyring.backend
import keyring.errors
import pytest

from polly_magic import keystore
from polly_magic.errors import NotLoggedIn, PollyError, UsageError
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.settings import (
    POLLY,
    Login,
    Service,
    current_login,
    current_service,
    find_login,
    forget,
    remedy_for_refused_key,
    remember,
    service_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL = Service("http://127.0.0.1:5005", "127.0.0.1:5005", "/data")
TEAM = service_at("https://images.example.org/api")
USER = User("ada@elucidata.io", "elucidata", "admin")
KEY = Secret("pk_stored-0123456789abcdef")


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory that can be made to misbehave."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None
        self.hangs: threading.Event | None = None
        self.forgets = False
        self.asked = 0

    def _misbehave(self) -> None:
        self.asked += 1
        if self.hangs:
            self.hangs.wait(10)
        if self.failure:
            raise self.failure

    def get_password(self, service: str, username: str) -> str | None:
        self._misbehave()
        return self.keys.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._misbehave()
        if not self.forgets:
            self.keys[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._misbehave()
        if (service, username) not in self.keys:
            raise keyring.errors.PasswordDeleteError("none")
        del self.keys[service, username]


@pytest.fixture
def ring() -> Iterator[Ring]:
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    if ring.hangs:
        ring.hangs.set()
    keyring.set_keyring(before)


@pytest.fixture
def home(clean_environment: Path) -> Path:
    return clean_environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestService:
    def test_it_is_polly_unless_said_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert current_service() == POLLY
        assert Service("https://v2.api.polly.elucidata.io/dockers", "docker.polly.elucidata.io") == POLLY
        monkeypatch.setenv("POLLY_TYPE", "testpolly")
        assert current_service() == Service(
            "https://v2.api.testpolly.elucidata.io/dockers", "docker.testpolly.elucidata.io"
        )

    @pytest.mark.parametrize("name", ["evil.example/", "a.b", "Polly", "a@b", "-", "x" * 64])
    def test_a_name_of_polly_that_would_lead_elsewhere_is_refused(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POLLY_TYPE", name)
        with pytest.raises(UsageError, match="POLLY_TYPE"):
            current_service()

    def test_the_last_login_is_the_current_service(self) -> None:
        remember(Login(TEAM, KEY))
        remember(Login(LOCAL, KEY))
        assert current_service() == LOCAL
        remember(Login(TEAM, KEY))
        assert current_service() == TEAM

    def test_the_environment_names_another_one_and_knows_it_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        remember(Login(LOCAL, KEY))
        remember(Login(TEAM, KEY))
        monkeypatch.setenv("POLLY_SERVICE", "HTTP://127.0.0.1:5005///")
        assert current_service() == LOCAL
        monkeypatch.setenv("POLLY_SERVICE", "http://127.0.0.1:6006")
        assert current_service() == Service("http://127.0.0.1:6006", "127.0.0.1:6006")

    @pytest.mark.parametrize(
        ("url", "api_url", "registry"),
        [
            ("http://localhost:5005", "http://localhost:5005", "localhost:5005"),
            ("http://127.0.0.1", "http://127.0.0.1", "127.0.0.1"),
            ("http://[::1]:5005/", "http://[::1]:5005", "[::1]:5005"),
            ("https://Images.Example.org:443/api/", "https://images.example.org/api", "images.example.org"),
            (" https://images.example.org:8443\n", "https://images.example.org:8443", "images.example.org:8443"),
            (POLLY.api_url + "/", POLLY.api_url, POLLY.registry),
        ],
    )
    def test_urls_are_written_one_way(self, url: str, api_url: str, registry: str) -> None:
        assert service_at(url) == Service(api_url, registry)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://images.example.org", "in the clear"),
            ("http://127.0.0.1.example.org", "in the clear"),
            ("http://a.localhost", "in the clear"),
            ("http://10.0.0.1", "in the clear"),
            ("https://me:secret@images.example.org", "no user or password"),
            ("https://me:secret@images.example.org:x", "Port"),
            ("https://@images.example.org", "no user or password"),
            ("https://images.example.org?key=secret", "nothing after the path"),
            ("https://images.example.org/#secret", "nothing after the path"),
            ("ftp://images.example.org", "https://"),
            ("images.example.org", "https://"),
            ("https://", "https://"),
            ("https://images example.org", "no host"),
            ("https://images..example.org", "no host"),
            (f"https://{'a' * 64}.example.org", "no host"),
            ("https://bücher.example", "no host"),
            ("https://images.example.org/ü", "plain ASCII"),
            ("https://[::1", "IPv6"),
            ("https://images.example.org:99999", "Port"),
        ],
    )
    def test_what_is_no_url_is_refused_with_the_reason(
        self, url: str, reason: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POLLY_SERVICE", url)
        with pytest.raises(UsageError, match=reason) as caught:
            current_service()
        assert "secret" not in str(caught.value)


class TestKeyFromTheEnvironment:
    def test_it_goes_before_a_stored_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        remember(Login(TEAM, KEY, USER))
        monkeypatch.setenv("POLLY_API_KEY", " pk_environment \n")
        assert current_login() == Login(TEAM, Secret("pk_environment"), None)

    def test_an_empty_one_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLLY_API_KEY", " ")
        with pytest.raises(NotLoggedIn):
            current_login()

    def test_it_is_for_the_current_service_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        remember(Login(LOCAL, KEY))
        remember(Login(TEAM, KEY))
        monkeypatch.setenv("POLLY_API_KEY", "pk_environment")
        assert find_login(TEAM.registry) == Login(TEAM, Secret("pk_environment"))
        assert find_login(LOCAL.registry) == Login(LOCAL, KEY)
        assert find_login(POLLY.registry) is None

    def test_a_service_that_login_local_started_gets_it_only_when_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        remember(Login(LOCAL, KEY))
        monkeypatch.setenv("POLLY_API_KEY", "pk_environment")
        assert current_login().key == KEY
        monkeypatch.setenv("POLLY_SERVICE", LOCAL.api_url)
        assert current_login().key == Secret("pk_environment")

    def test_the_session_of_a_polly_notebook_is_for_polly_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLLY_REFRESH_TOKEN", "eyJsession")
        assert current_login() == Login(POLLY, Secret("eyJsession"))
        assert find_login(POLLY.registry) == Login(POLLY, Secret("eyJsession"))
        monkeypatch.setenv("POLLY_API_KEY", "pk_environment")
        assert current_login().key == Secret("pk_environment")
        monkeypatch.setenv("POLLY_SERVICE", TEAM.api_url)
        monkeypatch.delenv("POLLY_API_KEY")
        with pytest.raises(NotLoggedIn):
            current_login()

    def test_a_refused_one_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert remedy_for_refused_key(Login(TEAM, KEY)) == "Run %polly_dockers login"
        assert remedy_for_refused_key(Login(LOCAL, KEY)) == "Run %polly_dockers login --local"
        monkeypatch.setenv("POLLY_REFRESH_TOKEN", KEY.reveal())
        assert "POLLY_REFRESH_TOKEN" in remedy_for_refused_key(Login(POLLY, KEY))


class TestKeyring:
    def test_it_keeps_the_key_and_no_file_does(self, ring: Ring, home: Path) -> None:
        assert remember(Login(TEAM, KEY, USER)) == "the system's keyring"
        assert ring.keys == {("polly-magic", TEAM.api_url): KEY.reveal()}
        assert current_login() == Login(TEAM, KEY, USER)
        assert not (home / "credentials.json").exists()
        assert forget(TEAM) is True
        assert ring.keys == {}
        assert forget(TEAM) is False

    def test_a_key_put_there_by_hand_is_found(self, ring: Ring) -> None:
        ring.keys["polly-magic", POLLY.api_url] = "pk_by_hand"
        assert current_login() == Login(POLLY, Secret("pk_by_hand"))

    @pytest.mark.parametrize(
        "failure", [keyring.errors.KeyringLocked("locked"), RuntimeError("no bus"), OSError(5, "broken")]
    )
    def test_one_that_fails_gives_way_to_the_file(self, ring: Ring, home: Path, failure: Exception) -> None:
        ring.failure = failure
        assert remember(Login(TEAM, KEY)) == str(home / "credentials.json")
        asked = ring.asked
        assert current_login().key == KEY
        assert forget(TEAM) is True
        assert ring.asked == asked, "what lies in the file is looked for there alone"

    def test_one_that_keeps_nothing_gives_way_to_the_file(self, ring: Ring, home: Path) -> None:
        ring.forgets = True
        assert remember(Login(TEAM, KEY)) == str(home / "credentials.json")
        assert current_login().key == KEY

    def test_one_that_hangs_gives_way_to_the_file(
        self, ring: Ring, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keystore, "_PATIENCE", 1)
        ring.hangs = threading.Event()
        begun = time.monotonic()
        assert remember(Login(TEAM, KEY)) == str(home / "credentials.json")
        assert time.monotonic() - begun < 10
        begun = time.monotonic()
        assert current_login().key == KEY
        assert time.monotonic() - begun < 0.9

    def test_one_that_does_not_give_the_key_back_says_so(self, ring: Ring) -> None:
        remember(Login(TEAM, KEY))
        ring.failure = keyring.errors.KeyringLocked(f"locked with {KEY.reveal()}")
        with pytest.raises(NotLoggedIn, match=r"The keyring holds the key.*KeyringLocked") as caught:
            current_login()
        assert KEY.reveal() not in str(caught.value)
        assert "Unlock the keyring" in caught.value.remedy
        with pytest.raises(PollyError, match="still in the keyring"):
            forget(TEAM)
        ring.failure = None
        assert current_login().key == KEY, "a logout that failed has undone nothing"

    def test_a_key_moves_out_of_the_file_when_the_keyring_works_again(self, ring: Ring, home: Path) -> None:
        ring.failure = keyring.errors.KeyringLocked()
        remember(Login(TEAM, KEY))
        ring.failure = None
        remember(Login(TEAM, Secret("pk_new")))
        assert json.loads((home / "credentials.json").read_text()) == {}
        assert current_login().key == Secret("pk_new")


class TestFiles:
    def test_only_their_owner_reads_them_whatever_the_umask(self, home: Path) -> None:
        before = os.umask(0)
        try:
            remember(Login(TEAM, KEY, USER))
        finally:
            os.umask(before)
        assert mode(home / "credentials.json") == 0o600
        assert mode(home / "config.json") == 0o600
        assert KEY.reveal() not in (home / "config.json").read_text()
        assert current_login() == Login(TEAM, KEY, USER)

    def test_a_new_directory_is_its_owners_too(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLLY_MAGIC_HOME", str(home / "new"))
        remember(Login(TEAM, KEY))
        assert mode(home / "new") == 0o700

    def test_the_key_never_lies_open_while_it_is_written(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        replace = os.replace

        def look(source: str, target: str) -> None:
            seen.append(stat.S_IMODE(Path(source).stat().st_mode))
            replace(source, target)

        monkeypatch.setattr(os, "replace", look)
        before = os.umask(0)
        try:
            remember(Login(TEAM, KEY))
        finally:
            os.umask(before)
        assert seen == [0o600, 0o600]

    def test_one_that_others_can_read_is_repaired_with_a_note(
        self, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        remember(Login(TEAM, KEY))
        (home / "credentials.json").chmod(0o644)
        with caplog.at_level(logging.WARNING):
            assert current_login().key == KEY
        assert mode(home / "credentials.json") == 0o600
        assert "mode 644" in caplog.text
        assert KEY.reveal() not in caplog.text
        caplog.clear()
        current_login()
        assert caplog.text == ""

    def test_an_interrupted_write_leaves_the_old_file_and_no_other(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remember(Login(TEAM, KEY))
        before = sorted(path.name for path in home.iterdir())
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(PollyError, match=r"credentials.json cannot be written: No space left on device"):
                remember(Login(LOCAL, Secret("pk_other")))
        assert current_login() == Login(TEAM, KEY)
        assert sorted(path.name for path in home.iterdir()) == before

    def test_a_link_to_the_config_file_stays_one(self, home: Path, tmp_path: Path) -> None:
        (home / "config.json").symlink_to(tmp_path / "dotfiles.json")
        remember(Login(TEAM, KEY))
        assert (home / "config.json").is_symlink()
        assert current_service() == TEAM

    @pytest.mark.parametrize("name", ["config.json", "credentials.json"])
    @pytest.mark.parametrize(
        "content", [b"{", b"[]", b"\xff", b"", b"null", b'{"current": 5, "a": 1}', b'{"services": {"a": 1}, "b": {}}']
    )
    def test_a_damaged_one_is_named(self, home: Path, name: str, content: bytes) -> None:
        (home / name).write_bytes(content)
        (home / name).chmod(0o600)
        with pytest.raises(PollyError, match=f"{home / name} is damaged") as caught:
            current_login()
        assert "login" in caught.value.remedy

    def test_a_damaged_one_does_not_tell_the_keys_in_it(self, home: Path) -> None:
        (home / "credentials.json").write_text('{"https://a": "pk_0123456789abcdef012345"')
        with pytest.raises(PollyError) as caught:
            current_login()
        assert "pk_0123" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_what_a_newer_version_wrote_there_is_kept(self, home: Path) -> None:
        (home / "config.json").write_text('{"theme": "dark", "services": {}}')
        remember(Login(TEAM, KEY))
        forget(TEAM)
        assert json.loads((home / "config.json").read_text()) == {"theme": "dark", "services": {}}

    def test_a_directory_that_cannot_be_made_is_named(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (home / "file").touch()
        monkeypatch.setenv("POLLY_MAGIC_HOME", str(home / "file" / "below"))
        with pytest.raises(PollyError, match="cannot be"):
            remember(Login(TEAM, KEY))


class TestManyServices:
    def test_forgetting_the_current_one_leaves_the_others(self) -> None:
        remember(Login(LOCAL, Secret("pk_local")))
        remember(Login(TEAM, Secret("pk_team")))
        assert forget(TEAM) is True
        assert current_service() == POLLY
        assert find_login(TEAM.registry) is None
        assert find_login(LOCAL.registry) == Login(LOCAL, Secret("pk_local"))

    def test_not_logged_in_names_the_service_and_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(NotLoggedIn) as caught:
            current_login()
        assert str(caught.value) == "Not logged in to docker.polly.elucidata.io.\nRun %polly_dockers login"

    def test_logins_at_the_same_time_are_all_kept(self, home: Path) -> None:
        program = (
            "import sys; from polly_magic.settings import *; from polly_magic.redaction import Secret\n"
            "for n in range(5):\n"
            "    url = f'https://host-{sys.argv[1]}-{n}.example.org'\n"
            "    remember(Login(service_at(url), Secret(f'pk_{sys.argv[1]}_{n}')))\n"
        )
        processes = [subprocess.Popen([sys.executable, "-c", program, str(number)]) for number in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        for number in range(3):
            for n in range(5):
                login = find_login(f"host-{number}-{n}.example.org")
                assert login is not None
                assert login.key == Secret(f"pk_{number}_{n}")


def test_nothing_heavy_is_imported_to_know_the_service() -> None:
    program = (
        "import sys, polly_magic.settings, polly_magic.api\n"
        "heavy = {'pandas', 'docker', 'rich', 'ipywidgets', 'keyring', 'filelock', 'platformdirs', 'aiohttp'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_repr_shows_the_key() -> None:
    assert KEY.reveal() not in repr(Login(TEAM, KEY)) + str(Login(TEAM, KEY))
