"""``login`` and ``logout``: what they keep, what they change, and what is left when they fail half way."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polly_magic.api import Client
from polly_magic.commands.login import password_command
from polly_magic.docker_config import config_path, helped_registries, register_helper
from polly_magic.errors import NotLoggedIn, PollyError, ServiceUnavailable, UsageError
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.service.local import issue_local_key, stop
from polly_magic.service.state import is_held, read_state
from polly_magic.settings import Login, current_login, current_service, find_login, service_at
from tests.commands.faces import RecordingFace, run
from tests.local_service import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna


@pytest.fixture
def face() -> RecordingFace:
    return RecordingFace()


@pytest.fixture
def annas_key(annas_login: Anna) -> str:
    """Another key of hers, as she would have it in a note."""
    return issue_local_key(Path(annas_login.variables["POLLY_MAGIC_HOME"], "service")).reveal()


@pytest.fixture
def local(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data directory that ``login --local`` will take; its service is ended afterwards."""
    data = clean_environment / "service"
    monkeypatch.setenv("PATH", environment(clean_environment)["PATH"])
    yield data
    stop(data)


def url(anna: Anna) -> str:
    return f"http://{anna.registry}"


def test_key_that_is_typed_is_checked_kept_and_given_to_docker(
    annas_login: Anna, annas_key: str, face: RecordingFace, clean_environment: Path
) -> None:
    face.secret = f" {annas_key}\n"
    assert run(face, "login", "--service", url(annas_login)) is None
    assert face.prompts == [f"API key for {annas_login.registry}: "]
    assert face.notes[0] == (
        f"Logged in to {annas_login.registry} as anna@elucidata.io (admin of elucidata)."
        f" The key is kept in {clean_environment / 'credentials.json'}."
    )
    assert current_service() == service_at(url(annas_login))
    assert current_login().key == Secret(annas_key)
    assert helped_registries() == [annas_login.registry]
    assert stat.S_IMODE((clean_environment / "credentials.json").stat().st_mode) == 0o600
    assert annas_key not in "".join(face.notes + face.written)
    assert annas_key not in config_path().read_text()


def test_key_from_the_environment_is_taken_without_asking(
    annas_login: Anna, annas_key: str, face: RecordingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLLY_API_KEY", annas_key)
    run(face, "login", "--service", url(annas_login))
    assert face.prompts == []
    monkeypatch.delenv("POLLY_API_KEY")
    assert current_login().key == Secret(annas_key)


def test_wrong_key_leaves_the_older_login_as_it_was(annas_login: Anna, annas_key: str, face: RecordingFace) -> None:
    face.secret = annas_key
    run(face, "login", "--service", url(annas_login))
    before = config_path().read_text()
    face.secret = "pk_" + 30 * "x"
    with pytest.raises(NotLoggedIn) as caught:
        run(face, "login", "--service", url(annas_login))
    assert annas_login.registry in caught.value.problem
    assert face.secret not in str(caught.value)
    assert current_login().key == Secret(annas_key)
    assert config_path().read_text() == before


def test_wrong_key_of_a_first_login_keeps_nothing(
    annas_login: Anna, face: RecordingFace, clean_environment: Path
) -> None:
    face.secret = "pk_" + 30 * "x"
    with pytest.raises(NotLoggedIn):
        run(face, "login", "--service", url(annas_login))
    assert not (clean_environment / "credentials.json").exists()
    assert not config_path().exists()


def test_session_of_polly_s_own_notebook_is_used_and_not_kept(
    face: RecordingFace, monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    monkeypatch.setenv("POLLY_REFRESH_TOKEN", "a-session")
    # Polly itself cannot be asked from a test.
    monkeypatch.setattr(Client, "me", lambda _: User("ada@elucidata.io", "elucidata", "member"))
    run(face, "login")
    assert face.prompts == []
    assert face.notes[0] == (
        "Logged in to docker.polly.elucidata.io as ada@elucidata.io (member of elucidata)."
        " The session of this notebook is used, and no key is kept."
    )
    assert helped_registries() == ["docker.polly.elucidata.io"]
    assert not (clean_environment / "credentials.json").exists()
    face.notes.clear()
    run(face, "logout")
    assert helped_registries() == []
    assert face.notes[-1] == "POLLY_REFRESH_TOKEN is still set in the environment, and goes on being used."


@pytest.mark.parametrize("secret", ["", "  \n"])
def test_no_key_is_refused_without_asking_the_service(face: RecordingFace, secret: str, unused_port: int) -> None:
    face.secret = secret
    with pytest.raises(NotLoggedIn, match="No key was given for 127"):
        run(face, "login", "--service", f"http://127.0.0.1:{unused_port}")


def test_service_that_does_not_answer_keeps_nothing(
    face: RecordingFace, unused_port: int, clean_environment: Path
) -> None:
    face.secret = "pk_" + 30 * "x"
    with pytest.raises(ServiceUnavailable, match=str(unused_port)):
        run(face, "login", "--service", f"http://127.0.0.1:{unused_port}")
    assert not (clean_environment / "credentials.json").exists()


@pytest.mark.parametrize("service", ["ftp://x.example", "x.example", "http://x.example", "", "https://u:p@x.example"])
def test_url_that_is_none_is_refused_before_a_key_is_asked_for(face: RecordingFace, service: str) -> None:
    with pytest.raises(UsageError):
        run(face, "login", "--service", service)
    assert face.prompts == []


def test_organization_and_email_are_for_a_local_login(face: RecordingFace) -> None:
    for flag in ("--organization", "--email"):
        with pytest.raises(UsageError, match="are for login --local"):
            run(face, "login", flag, "x")


def test_helper_that_docker_would_not_find_is_told_with_the_fix(
    annas_login: Anna, annas_key: str, face: RecordingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    face.secret = annas_key
    run(face, "login", "--service", url(annas_login))
    assert "docker-credential-polly, which is not on PATH" in face.notes[1]
    directory = face.notes[1].rpartition('export PATH="$PATH:')[2].rstrip('"')
    assert shutil.which("docker-credential-polly", path=directory)


def test_broken_docker_config_is_named_and_a_second_login_goes_through(
    annas_login: Anna, annas_key: str, face: RecordingFace
) -> None:
    config_path().write_text("{")
    face.secret = annas_key
    with pytest.raises(PollyError, match=r"config\.json is no JSON"):
        run(face, "login", "--service", url(annas_login))
    assert current_login().key == Secret(annas_key)
    config_path().write_text("{}")
    run(face, "login")
    assert helped_registries() == [annas_login.registry]


def test_print_command_names_no_secret_and_asks_for_nothing_once_logged_in(anna: Anna, face: RecordingFace) -> None:
    run(face, "login", "--print-command")
    assert face.prompts == []
    assert face.written == [password_command(anna.registry) + "\n"]
    assert face.written == [
        f"docker-credential-polly password {anna.registry} | docker login -u POLLY --password-stdin {anna.registry}\n"
    ]


def test_print_command_logs_in_first_where_nobody_is(annas_login: Anna, annas_key: str, face: RecordingFace) -> None:
    face.secret = annas_key
    run(face, "login", "--print-command", "--service", url(annas_login))
    assert len(face.prompts) == 1
    assert face.written == [password_command(annas_login.registry) + "\n"]


def test_logout_undoes_the_login_and_keeps_everybody_else_s(
    annas_login: Anna, annas_key: str, face: RecordingFace
) -> None:
    config_path().write_text(json.dumps({"credHelpers": {"gcr.example": "gcloud"}, "auths": {"ghcr.example": {}}}))
    before = config_path().read_text()
    face.secret = annas_key
    run(face, "login", "--service", url(annas_login))
    face.notes.clear()
    run(face, "logout")
    assert face.notes == [f"Logged out of {annas_login.registry}."]
    assert json.loads(config_path().read_text()) == json.loads(before)
    assert find_login(annas_login.registry) is None
    with pytest.raises(NotLoggedIn):
        current_login()


def test_logout_without_a_login_says_so(face: RecordingFace) -> None:
    run(face, "logout")
    assert face.notes == ["There was no login to docker.polly.elucidata.io."]


def test_logout_speaks_of_docker_s_own_login_only_where_there_is_one(
    annas_login: Anna, annas_key: str, face: RecordingFace
) -> None:
    face.secret = annas_key
    run(face, "login", "--service", url(annas_login))
    config_path().write_text(json.dumps({**json.loads(config_path().read_text()), "auths": {annas_login.registry: {}}}))
    run(face, "logout")
    assert face.notes[-1] == (f"Docker keeps a login of its own. Remove it with: docker logout {annas_login.registry}")


def test_logout_speaks_of_a_key_that_stays_in_the_environment(
    face: RecordingFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLLY_API_KEY", "pk_" + 30 * "x")
    run(face, "logout")
    assert face.notes[-1] == "POLLY_API_KEY is still set in the environment, and goes on being used."


def test_logout_that_met_a_broken_docker_config_is_finished_by_a_second_one(
    annas_login: Anna, annas_key: str, face: RecordingFace
) -> None:
    face.secret = annas_key
    run(face, "login", "--service", url(annas_login))
    good = config_path().read_text()
    config_path().write_text("{")
    with pytest.raises(PollyError, match="is no JSON"):
        run(face, "logout")
    assert find_login(annas_login.registry) is None
    config_path().write_text(good)
    run(face, "logout")
    assert helped_registries() == []


def test_logout_keeps_the_helper_of_another_service_that_is_logged_in(
    annas_login: Anna, annas_key: str, face: RecordingFace
) -> None:
    from polly_magic.settings import remember

    face.secret = annas_key
    remember(Login(service_at("https://other.example"), Secret("pk_other")))
    register_helper("other.example")
    run(face, "login", "--service", url(annas_login))
    run(face, "logout")
    assert helped_registries() == ["other.example"]


def test_local_login_starts_the_service_and_logout_ends_it(local: Path, face: RecordingFace) -> None:
    run(face, "login", "--local", "--organization", "elucidata", "--email", "ada@elucidata.io")
    state = read_state(local)
    assert state is not None
    assert is_held(local)
    assert face.notes[0].startswith(f"Started the repository service of this machine at {state.url}")
    assert "as ada@elucidata.io (admin of elucidata)" in face.notes[1]
    assert face.prompts == []
    service = current_service()
    assert (service.api_url, service.data) == (state.url, str(local))
    key = current_login().key
    run(face, "create", "--name", "kept", "--description", "d")

    face.notes.clear()
    run(face, "logout")
    assert not is_held(local)
    assert face.notes[0].startswith(f"Stopped the service; its repositories stay in {local}.")
    assert face.notes[1] == f"Logged out of {service.registry}."
    assert helped_registries() == []

    run(face, "login", "--local")
    assert [row["repository"].rpartition("/")[2] for row in run(face, "list").records()] == ["kept"]
    with Client(Login(current_service(), key)) as client, pytest.raises(NotLoggedIn):
        client.me()  # the key of the first login was revoked


def test_second_local_login_uses_the_service_and_the_key_that_there_are(local: Path, face: RecordingFace) -> None:
    run(face, "login", "--local")
    state, key = read_state(local), current_login().key
    face.notes.clear()
    run(face, "login", "--local")
    run(face, "login")  # the service of this machine is the current one: there is no key to ask for
    assert (read_state(local), current_login().key) == (state, key)
    assert [note.split(" as ")[0] for note in face.notes] == 2 * [f"Logged in to {current_service().registry}"]
    assert face.prompts == []


def test_first_start_s_names_are_not_taken_later_and_that_is_said(local: Path, face: RecordingFace) -> None:
    run(face, "login", "--local", "--organization", "elucidata", "--email", "ada@elucidata.io")
    run(face, "login", "--local", "--organization", "other")
    assert face.notes[-1].startswith("--organization and --email count when the service starts for the first time")


def test_logout_leaves_a_service_that_somebody_else_started(local: Path, face: RecordingFace) -> None:
    from polly_magic.service.local import ensure_running

    ensure_running(local)
    run(face, "login", "--local")
    run(face, "logout")
    assert is_held(local)
    assert [note for note in face.notes if "Stopped" in note] == []


def test_logout_goes_through_where_the_service_s_files_are_gone(local: Path, face: RecordingFace) -> None:
    run(face, "login", "--local")
    registry = current_service().registry
    stop(local)
    shutil.rmtree(local)
    run(face, "logout")
    assert face.notes[-1] == f"Logged out of {registry}."
