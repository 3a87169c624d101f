"""``docker-credential-polly`` as Docker and its kin start it: a process, words in, JSON out."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polly_magic.redaction import Secret
from polly_magic.registry import RegistryClient
from polly_magic.service.local import issue_local_key

if TYPE_CHECKING:
    from tests.anna import Anna

HELPER = "docker-credential-polly"
NONE = "credentials not found in native keychain"


@pytest.mark.parametrize("form", ["{}", "{}\n", "https://{}", "http://{}/v2/\n"])
def test_get_answers_a_password_that_the_registry_takes(anna: Anna, form: str) -> None:
    name = anna.create()
    anna.push(name, "latest", "x")
    done = anna.program(HELPER, "get", stdin=form.format(anna.registry))
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert (answer["ServerURL"], answer["Username"]) == (anna.registry, "POLLY")
    with RegistryClient(anna.registry, answer["Username"], Secret(answer["Secret"])) as registry:
        assert registry.tags(f"elucidata/{name}") == ["latest"]
        registry.put_blob(f"elucidata/{name}", b"may push, too")


def test_password_is_not_the_key_that_is_kept(anna: Anna) -> None:
    kept = Path(anna.variables["POLLY_MAGIC_HOME"], "credentials.json").read_text()
    password = json.loads(anna.program(HELPER, "get", stdin=anna.registry).stdout)["Secret"]
    assert password not in kept
    assert not password.startswith("pk_")


def test_host_without_a_login_has_none_in_docker_s_very_words(anna: Anna) -> None:
    for host in ("docker.polly.elucidata.io", "nowhere.example:5000", ""):
        done = anna.program(HELPER, "get", stdin=host)
        assert (done.returncode, done.stdout, done.stderr) == (1, NONE + "\n", "")


def test_get_says_on_one_line_of_standard_output_that_the_service_is_down(
    anna: Anna, tmp_path: Path, unused_port: int
) -> None:
    variables = {
        "POLLY_MAGIC_HOME": str(tmp_path),
        "POLLY_SERVICE": f"http://127.0.0.1:{unused_port}",
        "POLLY_API_KEY": "pk_" + 30 * "x",
    }
    done = anna.program(HELPER, "get", stdin=f"127.0.0.1:{unused_port}", **variables)
    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) == 1
    assert str(unused_port) in done.stdout
    assert "pk_" not in done.stdout


def test_get_with_a_key_that_is_no_longer_good_says_to_log_in(anna: Anna, tmp_path: Path) -> None:
    variables = {
        "POLLY_MAGIC_HOME": str(tmp_path),
        "POLLY_SERVICE": f"http://{anna.registry}",
        "POLLY_API_KEY": "pk_" + 30 * "x",
    }
    done = anna.program(HELPER, "get", stdin=anna.registry, **variables)
    assert done.returncode == 1
    assert "polly-dockers login" in done.stdout
    assert NONE not in done.stdout


def test_store_takes_docker_s_word_that_the_password_is_good_and_keeps_none(anna: Anna) -> None:
    home = Path(anna.variables["POLLY_MAGIC_HOME"])
    before = (home / "credentials.json").read_text()
    request = {"ServerURL": anna.registry, "Username": "POLLY", "Secret": "a password"}
    done = anna.program(HELPER, "store", stdin=json.dumps(request))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (home / "credentials.json").read_text() == before


def test_store_of_a_password_that_would_be_lost_is_refused(anna: Anna) -> None:
    request = {"ServerURL": "nowhere.example", "Username": "me", "Secret": "hunter2"}
    done = anna.program(HELPER, "store", stdin=json.dumps(request))
    assert done.returncode == 1
    assert "keeps no passwords, and there is no login to nowhere.example" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("stdin", ["", "{", "[]", "{}", '"x"', "null", '{"Username": "hunter2"}'])
def test_store_of_nonsense_is_refused_in_one_line(anna: Anna, stdin: str) -> None:
    done = anna.program(HELPER, "store", stdin=stdin)
    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) == 1
    assert "hunter2" not in done.stdout


def test_erase_forgets_the_key(annas_login: Anna, tmp_path: Path) -> None:
    key = issue_local_key(Path(annas_login.variables["POLLY_MAGIC_HOME"], "service")).reveal()
    own = {"POLLY_MAGIC_HOME": str(tmp_path / "polly"), "DOCKER_CONFIG": str(tmp_path / "docker")}
    login = ("polly-dockers", "login", "--service", f"http://{annas_login.registry}")
    assert annas_login.program(*login, stdin=key, **own).returncode == 0
    assert annas_login.program(HELPER, "get", stdin=annas_login.registry, **own).returncode == 0
    assert annas_login.program(HELPER, "erase", stdin=annas_login.registry, **own).returncode == 0
    assert annas_login.program(HELPER, "get", stdin=annas_login.registry, **own).stdout == NONE + "\n"
    assert annas_login.program(HELPER, "erase", stdin=annas_login.registry, **own).returncode == 0


def test_list_has_the_registries_that_docker_asks_it_for(anna: Anna) -> None:
    assert json.loads(anna.program(HELPER, "list").stdout) == {anna.registry: "POLLY"}


def test_version_and_unknown_verbs(anna: Anna) -> None:
    assert anna.program(HELPER, "version").stdout.startswith("docker-credential-polly 0.")
    for words in ((), ("fetch",), ("get", "more")):
        done = anna.program(HELPER, *words)
        assert done.returncode == 1
        assert "has no verb" in done.stdout


def test_password_goes_through_a_pipe(anna: Anna) -> None:
    done = anna.program(HELPER, "password", anna.registry)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    with RegistryClient(anna.registry, "POLLY", Secret(done.stdout.strip())) as registry:
        assert registry.tags(f"elucidata/{_pushed(anna)}") == ["latest"]


def test_password_is_not_shown_on_a_terminal(anna: Anna) -> None:
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(
            [HELPER, "password", anna.registry],
            env=anna.variables,
            stdout=follower,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(follower)
        assert done.returncode == 2
        assert b"A password is not shown on a terminal." in done.stderr
        with pytest.raises(OSError):  # noqa: PT011 - nothing was written, and nobody is left who could
            os.read(leader, 1)
    finally:
        os.close(leader)


def test_failure_of_password_goes_past_the_pipe(anna: Anna) -> None:
    done = anna.program(HELPER, "password", "nowhere.example")
    assert (done.returncode, done.stdout) == (1, "")
    assert NONE in done.stderr
    assert anna.program(HELPER, "password").returncode == 2


def _pushed(anna: Anna) -> str:
    name = anna.create()
    anna.push(name, "latest", "x")
    return name
