"""The sample organisation, pushed to a service as `make tour` does."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.sample.layers import Link, build_layer
from polly_magic.sample.programs import closure
from tests.images import remove_repositories
from tests.local_service import ANNA, logged_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What the sample runs in where nobody installed ipykernel.
WITHOUT_IPYKERNEL = """
import importlib.metadata, runpy
distributions = importlib.metadata.distributions
importlib.metadata.distributions = lambda **of: iter(()) if of.get("name") == "ipykernel" else distributions(**of)
runpy.run_module("polly_magic.sample", run_name="__main__")
"""
# Starts a kernel, asks it, and lets it end.
ASKS_A_KERNEL = """
from jupyter_client.manager import run_kernel
with run_kernel(startup_timeout=30) as client:
    client.execute_interactive("import assay, os; print(assay.normalise([10, 20, 70]), os.getuid())", timeout=20)
"""


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
        "elucidata/notebook": "private",
        "elucidata/workbench": "private",
    }


@pytest.mark.parametrize("name", ["16june", "notebook"])
def test_has_tags_that_two_people_pushed(session: dict[str, str], name: str) -> None:
    active, inactive = listed(session, "commit-list", "--name", name)
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
    names = ("16june", "docker_demo/cache", "workbench", "notebook")
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
        remove_repositories(session, *(row["repository"] for row in listed(session, "list")))


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="the sample's programs are this machine's, and run on Linux")
def test_runs_a_kernel_whose_package_gives_other_numbers_in_each_commit(session: dict[str, str]) -> None:
    active, inactive = [row["pull_path"] for row in listed(session, "commit-list", "--name", "notebook")]
    version = "import assay, importlib.metadata; print(importlib.metadata.version('assay'), assay.__version__)"
    user = ["--user", "1000:1000", "--env", "HOME=/tmp"]
    try:
        for image, versions, numbers in ((inactive, "1.0 1.0", [0.1, 0.2, 0.7]), (active, "1.1 1.1", [0.5, 1.0, 3.5])):
            assert run(session, "docker", "run", "--rm", image, "python3", "-c", version) == f"{versions}\n"
            asked = run(session, "docker", "run", "--rm", *user, image, "python3", "-c", ASKS_A_KERNEL)
            assert asked == f"{numbers} 1000\n"
    finally:
        remove_repositories(session, *(row["repository"] for row in listed(session, "list")))


def test_leaves_the_kernel_out_where_ipykernel_is_not_installed(tmp_path: Path) -> None:
    with logged_in(tmp_path) as variables:
        said = run(variables, sys.executable, "-c", WITHOUT_IPYKERNEL)
        names = {row["repository"].partition("/")[2] for row in listed(variables, "list")}
    assert "The sample is there" in said
    assert names == {"elucidata/16june", "elucidata/docker_demo/cache", "elucidata/workbench"}


def test_a_package_is_followed_to_all_that_it_needs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {
        "Made_Up": ["made.up-b[fast] >=1", "made-up-old; python_version < '3'", "made-up-missing"],
        "made-up-b": ["made-up-c", "made-up-fast; extra == 'fast'", "made-up-slow; extra == 'slow'"],
        "made-up-c": ["Made-Up", "made-up-large"],
        "made-up-large": ["made-up-of-large"],
    }
    others = dict.fromkeys(["made-up-old", "made-up-fast", "made-up-slow", "made-up-of-large"], ())
    for name, requirements in {**needs, **others}.items():
        metadata = tmp_path / f"{name.replace('-', '_')}-1.dist-info" / "METADATA"
        metadata.parent.mkdir()
        lines = [f"Name: {name}", "Version: 1", *(f"Requires-Dist: {each}" for each in requirements)]
        metadata.write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    large = ["made-up-large", "made-up-of-large"]
    assert closure("made-up") == ["made-up", "made-up-b", "made-up-c", "made-up-fast", *large]
    assert closure("made-up", without={"made-up-large"}) == ["made-up", "made-up-b", "made-up-c", "made-up-fast"]


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
