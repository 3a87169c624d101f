"""What people type, against a real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polly_magic.api import Client
from polly_magic.commands.names import new_repository, reference, repository, resolve_commit
from polly_magic.errors import Ambiguous, InvalidReference, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna


@pytest.fixture
def client(anna: Anna) -> Iterator[Client]:
    with Client() as client:
        yield client


def test_short_own_and_full_names_are_one_reference(client: Client, anna: Anna) -> None:
    expected = f"{anna.registry}/elucidata/16june:v1"
    for text in ("16june:v1", "elucidata/16june:v1", f"{anna.registry}/elucidata/16june:v1"):
        assert str(reference(text, client)) == expected


def test_folded_upper_case_is_told(client: Client, anna: Anna) -> None:
    notes: list[str] = []
    assert repository("16June", client, note=notes.append).path == "elucidata/16june"
    assert notes == ["Upper case is folded: 16June -> 16june"]


def test_another_host_is_refused_by_both_names(client: Client, anna: Anna) -> None:
    with pytest.raises(UsageError) as caught:
        reference("docker.polly.elucidata.io/elucidata/16june", client)
    assert "docker.polly.elucidata.io" in caught.value.problem
    assert anna.registry in caught.value.problem


def test_nested_name_of_the_own_organisation_is_found_without_it(client: Client, anna: Anna) -> None:
    name = anna.create("docker_demo/cache")
    assert repository(name, client).path == f"elucidata/{name}"
    assert repository(f"elucidata/{name}", client).path == f"elucidata/{name}"


def test_unknown_nested_name_stays_as_it_was_typed(client: Client) -> None:
    # So that the error that follows speaks of what the user wrote.
    assert repository("other/thing", client).path == "other/thing"


def test_new_nested_name_stands_in_the_own_organisation(client: Client) -> None:
    assert new_repository("rna/aligner", client).path == "elucidata/rna/aligner"
    assert new_repository("elucidata/rna", client).path == "elucidata/rna"


def test_repository_with_a_tag_is_refused_where_none_belongs(client: Client) -> None:
    with pytest.raises(InvalidReference, match="a repository has no tag"):
        repository("16june:latest", client)


def test_commit_of_a_tag_is_the_active_one(client: Client, anna: Anna) -> None:
    name = anna.create()
    anna.push(name, "latest", "first")
    second = anna.push(name, "latest", "second")
    for text in (name, f"{name}:latest", f"elucidata/{name}"):
        commit = resolve_commit(text, client)
        assert (commit.commit_hash, commit.tag, commit.tag_status) == (second, "latest", "active")


def test_commit_of_a_digest_may_be_inactive_and_the_digest_short(client: Client, anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "first")
    anna.push(name, "latest", "second")
    digits = first.removeprefix("sha256:")
    for text in (f"@{first}", f"@sha256:{digits[:12]}", f"@{digits[:7]}", f":latest@{first}"):
        commit = resolve_commit(name + text, client)
        assert (commit.commit_hash, commit.tag_status) == (first, "inactive")


def test_commit_of_a_digest_under_two_tags_is_that_of_the_tag_named_or_an_active_one(
    client: Client, anna: Anna
) -> None:
    name = anna.create()
    digest = anna.push(name, "v1", "same")
    anna.push(name, "latest", "same")
    anna.push(name, "latest", "other")
    assert resolve_commit(f"{name}@{digest}", client).tag == "v1"
    assert resolve_commit(f"{name}:latest@{digest}", client).tag == "latest"
    assert resolve_commit(f"{name}:latest@{digest}", client).tag_status == "inactive"


def test_missing_tag_names_those_that_exist(client: Client, anna: Anna) -> None:
    name = anna.create()
    for tag in ("v2", "v1"):
        anna.push(name, tag, tag)
    with pytest.raises(NotFound) as caught:
        resolve_commit(name, client)
    assert caught.value.problem == f"{anna.registry}/elucidata/{name} has no tag 'latest'; it has v1, v2."
    assert caught.value.remedy == f"See %polly_dockers commit-list --name elucidata/{name} --all"


def test_repository_without_commits_says_how_to_push(client: Client, anna: Anna) -> None:
    name = anna.create()
    with pytest.raises(NotFound, match="has no commits yet") as caught:
        resolve_commit(name, client)
    assert f"push IMAGE elucidata/{name}:latest" in caught.value.remedy


@pytest.mark.parametrize("digest", ["0000000", "sha256:" + 64 * "0"])
def test_unknown_digest_is_named(client: Client, anna: Anna, digest: str) -> None:
    name = anna.create()
    anna.push(name, "latest", "x")
    with pytest.raises(NotFound, match=digest):
        resolve_commit(f"{name}@{digest}", client)


def test_missing_repository_is_named(client: Client) -> None:
    for text in ("nowhere", "nowhere:v1", "nowhere@0123456"):
        with pytest.raises(NotFound, match="elucidata/nowhere"):
            resolve_commit(text, client)


def test_short_digest_that_fits_two_commits_names_both(
    client: Client, anna: Anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    name = anna.create()
    anna.push(name, "latest", "x")
    (commit,) = client.commits(f"elucidata/{name}")
    # Nobody finds two manifests whose digests start with the same 28 bits in a test's time.
    twin = replace(commit, commit_hash=commit.commit_hash[:-1] + ("0" if commit.commit_hash[-1] != "0" else "1"))
    monkeypatch.setattr(client, "commits", lambda *_, **__: [commit, twin])
    with pytest.raises(Ambiguous) as caught:
        resolve_commit(f"{name}@{commit.commit_hash[7:14]}", client)
    assert commit.commit_hash in caught.value.problem
    assert twin.commit_hash in caught.value.problem
