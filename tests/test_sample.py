"""The sample organisation, pushed to a service as `make tour` does."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.sample.layers import Link, build_layer
from tests.local_service import ANNA, logged_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with logged_in(tmp_path_factory.mktemp("session")) as variables:
        push(variables)
        yield variables


def push(session: dict[str, str]) -> str:
    return run(session, sys.executable, "-m", "polly_magic.sample")


def listed(session: dict[str, str], *words: str) -> list[dict[str, Any]]:
    return json.loads(run(session, "polly-dockers", *words, "--all", "--json"))


def test_has_a_nested_public_repository_beside_private_ones(session: dict[str, str]) -> None:
    repositories = {row["repository"].partition("/")[2]: row["access"] for row in listed(session, "list")}
    assert repositories == {
        "elucidata/16june": "private",
        "elucidata/docker_demo/cache": "public",
        "elucidata/workbench": "private",
    }


def test_has_a_tag_that_two_people_pushed(session: dict[str, str]) -> None:
    active, inactive = listed(session, "commit-list", "--name", "16june")
    shown = ("tag", "tag_status", "pushed_by")
    assert [active[key] for key in shown] == ["latest", "active", ANNA]
    assert [inactive[key] for key in shown] == ["latest", "inactive", "ben@elucidata.io"]
    assert active["commit_hash"] != inactive["commit_hash"]


def test_has_images_for_two_platforms_that_are_worth_looking_into(session: dict[str, str]) -> None:
    commits = listed(session, "commit-list", "--name", "workbench")
    assert {commit["tag"] for commit in commits} == {"1.0", "2.0", "latest"}
    for commit in commits:
        assert sorted(commit["platforms"]) == ["linux/amd64", "linux/arm64"]
        assert commit["size"] > 10_000_000


def test_adds_nothing_when_it_is_pushed_again(session: dict[str, str]) -> None:
    names = ("16june", "docker_demo/cache", "workbench")
    before = [listed(session, "commit-list", "--name", name) for name in names]
    assert "sha256:" not in push(session)
    assert [listed(session, "commit-list", "--name", name) for name in names] == before


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="the sample's programs are this machine's, and run on Linux")
def test_runs_in_an_engine_each_commit_as_it_was_pushed(session: dict[str, str]) -> None:
    active, inactive = listed(session, "commit-list", "--name", "16june")
    [bench] = [row for row in listed(session, "commit-list", "--name", "workbench") if row["tag"] == "latest"]
    images = [f"{row['pull_path'].partition('@')[0]}" for row in (active, inactive, bench)]
    images[1] = inactive["pull_path"]
    try:
        assert "corrected" in run(session, "docker", "run", "--rm", images[0])
        assert "as published" in run(session, "docker", "run", "--rm", images[1])
        program = "import pandas; print(pandas.Series([1, 2]).sum())"
        assert run(session, "docker", "run", "--rm", images[2], "python3", "-c", program) == "3\n"
    finally:
        run(session, "docker", "rmi", "--force", *images)


def test_layers_come_out_the_same_from_the_same_files(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"#!/bin/sh\n")
    entries = {"usr/bin/program": program, "data/table": b"1,2\n", "usr/bin/link": Link("program")}
    first = build_layer(tmp_path / "first.tar.gz", entries)
    program.touch()
    again = build_layer(tmp_path / "again.tar.gz", dict(reversed(entries.items())))
    assert first.file.read_bytes() == again.file.read_bytes()
    assert first.digest == f"sha256:{hashlib.sha256(first.file.read_bytes()).hexdigest()}"
    program.chmod(0o755)
    assert build_layer(tmp_path / "other.tar.gz", entries).digest != first.digest
