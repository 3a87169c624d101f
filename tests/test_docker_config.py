"""Docker's configuration: our helper in and out, the rest as it was."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.docker_config import (
    config_path,
    has_password,
    helped_registries,
    register_helper,
    unregister_helper,
)
from polly_magic.errors import PollyError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "docker.polly.elucidata.io"
OTHERS: dict[str, Any] = {
    "auths": {"ghcr.example": {"auth": "dTpw"}, "https://index.example/v1/": {}},
    "credsStore": "desktop",
    "credHelpers": {"gcr.example": "gcloud"},
    "HttpHeaders": {"User-Agent": "Docker-Client/20.10 (größer)"},
    "plugins": {"x": {"hooks": "a,b"}},
    "psFormat": "table {{.ID}}\t{{.Names}}",
    "aliases": None,
    "big": 12345678901234567890,
}


def write(text: str) -> Path:
    config_path().write_text(text, "utf-8")
    return config_path()


def read() -> dict[str, Any]:
    return json.loads(config_path().read_text("utf-8"))


def test_first_registration_makes_a_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "new" / "docker"))
    assert register_helper(HOST)
    assert config_path() == tmp_path / "new" / "docker" / "config.json"
    assert read() == {"credHelpers": {HOST: "polly"}}
    assert stat.S_IMODE(config_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(config_path().parent.stat().st_mode) == 0o700


def test_without_DOCKER_CONFIG_it_is_in_the_home_directory(  # noqa: N802
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path() == tmp_path / ".docker" / "config.json"


def test_everything_else_in_the_file_stays_in_its_order() -> None:
    write(json.dumps(OTHERS))
    assert register_helper(HOST)
    assert read() == {**OTHERS, "credHelpers": {"gcr.example": "gcloud", HOST: "polly"}}
    assert [*read()] == [*OTHERS]
    assert "größer" in config_path().read_text("utf-8")
    assert unregister_helper(HOST)
    assert read() == OTHERS
    assert [*read()] == [*OTHERS]


def test_second_registration_and_second_removal_leave_the_file_alone() -> None:
    register_helper(HOST)
    before = config_path().stat()
    assert not register_helper(HOST)
    assert config_path().stat() == before
    assert unregister_helper(HOST)
    assert read() == {}
    before = config_path().stat()
    assert not unregister_helper(HOST)
    assert config_path().stat() == before


def test_removal_where_there_is_no_file_makes_none() -> None:
    assert not unregister_helper(HOST)
    assert not config_path().exists()


def test_another_program_s_helper_for_the_host_is_not_removed() -> None:
    write(json.dumps({"credHelpers": {HOST: "pass", "a.example": "polly"}}))
    assert not unregister_helper(HOST)
    assert helped_registries() == ["a.example"]
    assert read()["credHelpers"] == {HOST: "pass", "a.example": "polly"}


def test_mode_and_symbolic_link_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "docker.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    config_path().symlink_to(target)
    register_helper(HOST)
    assert config_path().is_symlink()
    assert json.loads(target.read_text()) == {"credHelpers": {HOST: "polly"}}
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["docker.json"]


def test_empty_file_counts_as_none() -> None:
    write(" \n")
    register_helper(HOST)
    assert read() == {"credHelpers": {HOST: "polly"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"auths": {', "is no JSON: "),
        ("[]", "is no JSON object."),
        ('"x"', "is no JSON object."),
        ('{"credHelpers": ["polly"]}', "has credHelpers that is no JSON object."),
        ('{"credHelpers": "polly"}', "has credHelpers that is no JSON object."),
    ],
)
def test_broken_file_is_refused_by_name_and_left_as_it_is(content: str, reason: str) -> None:
    path = write(content)
    for change in (register_helper, unregister_helper):
        with pytest.raises(PollyError) as caught:
            change(HOST)
        assert caught.value.problem.startswith(f"Docker's configuration {path} {reason}")
        assert caught.value.remedy
    assert path.read_text() == content


def test_file_that_is_no_text_is_refused() -> None:
    config_path().write_bytes(b"\xff\xfe{}")
    with pytest.raises(PollyError, match="cannot be read"):
        register_helper(HOST)


def test_directory_in_the_file_s_place_is_refused() -> None:
    config_path().mkdir()
    with pytest.raises(PollyError, match="cannot be read"):
        register_helper(HOST)


def test_failed_write_leaves_the_old_file_and_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(json.dumps(OTHERS))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PollyError, match=r"cannot be written: .*No space left"):
        register_helper(HOST)
    assert json.loads(path.read_text("utf-8")) == OTHERS
    assert [found.name for found in path.parent.iterdir()] == ["config.json"]


def test_trace_of_a_docker_login_is_seen() -> None:
    assert not has_password(HOST)
    write(json.dumps({"auths": {HOST: {}}}))
    assert has_password(HOST)
    assert not has_password("other.example")
