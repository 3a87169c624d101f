"""The service in a process of its own: started once, found again, ended; and what stands in its way."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from polly_magic.errors import ServiceUnavailable, StoreUnusable
from polly_magic.service import local
from polly_magic.service.state import is_held

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "data"
    yield directory
    local.stop(directory)
    assert not is_held(directory)


def me(url: str, key: str) -> requests.Response:
    return requests.get(f"{url}/users/me", headers={"x-api-key": key}, timeout=10)


def test_a_service_starts_once_answers_and_ends(data: Path):
    first = local.ensure_running(data, organization="elucidata", email="ada@elucidata.io")
    assert first.started
    assert first.url.startswith("http://127.0.0.1:")
    again = local.ensure_running(data)
    assert (again.url, again.pid, again.started) == (first.url, first.pid, False)
    state = json.loads((data / "service.json").read_text())
    assert (state["url"], state["pid"]) == (first.url, first.pid)
    assert set(state) == {"url", "pid", "version"}
    key = local.issue_local_key(data)
    answer = me(first.url, key.reveal())
    assert answer.json()["data"]["attributes"] == {
        "email": "ada@elucidata.io",
        "organization": "elucidata",
        "role": "admin",
    }
    assert key.reveal() not in " ".join(psutil.Process(first.pid).cmdline())
    assert local.revoke(data, key) is True
    assert me(first.url, key.reveal()).status_code == 401
    assert local.revoke(data, key) is False
    assert local.stop(data) is True
    assert local.stop(data) is False
    assert not (data / "service.json").exists()
    assert not psutil.pid_exists(first.pid)


def test_nobody_else_may_look_into_its_files(data: Path):
    local.ensure_running(data)
    assert data.stat().st_mode & 0o777 == 0o700
    for name in ("token.key", "polly.sqlite3", "service.json", "service.log", "lock"):
        assert (data / name).stat().st_mode & 0o077 == 0, name


def test_of_many_callers_at_once_one_starts_it(data: Path):
    with ThreadPoolExecutor(6) as pool:
        running = list(pool.map(lambda _: local.ensure_running(data), range(6)))
    assert sum(each.started for each in running) == 1
    assert len({each.pid for each in running}) == 1


def test_a_killed_service_is_started_again_at_the_same_place(data: Path):
    first = local.ensure_running(data)
    os.kill(first.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_held(data):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (data / "service.json").exists(), "what it said outlives it"
    second = local.ensure_running(data)
    assert second.started
    assert second.pid != first.pid
    assert second.url == first.url, "so that the paths of images stay good"


def test_another_port_is_taken_where_the_last_one_is_not_free(data: Path):
    first = local.ensure_running(data)
    local.stop(data)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(first.url.rpartition(":")[2])))
        taken.listen()
        second = local.ensure_running(data)
        assert second.started
        assert second.url != first.url


def test_later_starts_make_nobody(data: Path):
    local.ensure_running(data, organization="elucidata", email="ada@elucidata.io")
    local.stop(data)
    running = local.ensure_running(data, organization="other", email="eve@other.org")
    answer = me(running.url, local.issue_local_key(data).reveal())
    assert answer.json()["data"]["attributes"]["email"] == "ada@elucidata.io"


def test_what_hinders_the_start_is_said_in_its_own_words(data: Path):
    data.mkdir(mode=0o700)
    (data / "polly.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(ServiceUnavailable, match="is damaged"):
        local.ensure_running(data)
    with pytest.raises(ServiceUnavailable, match="can't be the name"):
        local.ensure_running(data.with_name("other"), organization="A B")


def test_a_directory_that_cannot_be_one_is_refused(tmp_path: Path, data: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be used"):
        local.ensure_running(tmp_path / "file")
    with pytest.raises(StoreUnusable, match="No service has run"):
        local.issue_local_key(tmp_path / "none")
    assert local.stop(tmp_path / "none") is False
    assert not (tmp_path / "none").exists()


def serve(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("polly-dockers")
    command = [program, "serve", "--data", str(data), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_second_service_says_who_runs(data: Path):
    running = local.ensure_running(data)
    second = serve(data)
    assert second.returncode == 1
    assert f"process {running.pid}, at {running.url}" in second.stderr
    assert len(second.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--port", "PORT"], 1, "Another program listens"),
        (["--port", "99999"], 2, "no port"),
        (["--host", "203.0.113.9"], 1, "no address of this machine"),
        (["--host", "nowhere.invalid"], 1, "no host"),
        (["--public-url", "nonsense"], 2, "nonsense"),
    ],
)
def test_an_address_that_cannot_be_listened_on(tmp_path: Path, words: list[str], status: int, said: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = serve(tmp_path / "data", *(word.replace("PORT", port) for word in words))
    assert refused.returncode == status
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 2, refused.stderr
    assert not (tmp_path / "data" / "service.json").exists()


def test_serve_logs_in_whoever_starts_it_first_and_logs_no_secret(tmp_path: Path):
    environment = {
        **os.environ,
        "POLLY_MAGIC_HOME": str(tmp_path / "home"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    for name in ("POLLY_SERVICE", "POLLY_API_KEY", "POLLY_REFRESH_TOKEN"):
        environment.pop(name, None)
    program = str(Path(sys.executable).with_name("polly-dockers"))
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", "--log"], stdout=output, stderr=output, env=environment)
    try:
        deadline = time.monotonic() + 20
        while "Serving" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        listing = subprocess.run(
            [program, "list", "--json"], capture_output=True, text=True, env=environment, timeout=30
        )
        assert (listing.returncode, json.loads(listing.stdout)) == (0, [])
        url = re.search(r"at (http://\S+) ", log.read_text())[1]
        requests.get(
            f"{url}/token?scope=x&password=pk_0123456789abcdefghij", auth=("POLLY", "hunter2hunter2"), timeout=9
        )
        requests.get(f"{url}/pk_0123456789abcdefghij", timeout=9)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    text = log.read_text()
    assert "Logged in as" in text
    assert " GET /repositories 200 " in text
    assert " GET /token 401 " in text
    assert "pk_" not in text
    assert "hunter2" not in text
    assert url[7:] in json.loads((tmp_path / "docker" / "config.json").read_text())["credHelpers"]
    assert not (tmp_path / "home" / "service" / "service.json").exists()
