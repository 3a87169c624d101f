"""``list``, ``commit-list``, ``create`` and ``update`` against a real service."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from polly_magic.errors import Conflict, InvalidReference, NotFound, NotLoggedIn, ServiceUnavailable, UsageError
from tests.commands.faces import RecordingFace, run

if TYPE_CHECKING:
    from tests.anna import Anna


@pytest.fixture
def face() -> RecordingFace:
    return RecordingFace()


def test_created_repository_is_listed_with_its_author_and_time(anna: Anna, face: RecordingFace) -> None:
    created = run(face, "create", "--name", "created", "--description", "RNA-seq, <b>June</b>")
    listed = run(face, "list", "--name", "created")
    assert created.records() == listed.records()
    (row,) = listed.records()
    time = datetime.fromisoformat(row.pop("created_at").replace("Z", "+00:00"))
    assert datetime.now(timezone.utc) - time < timedelta(minutes=5)
    assert row == {
        "repository": f"{anna.registry}/elucidata/created",
        "description": "RNA-seq, <b>June</b>",
        "created_by": "anna@elucidata.io",
        "access": "private",
    }
    assert face.notes == []


def test_repository_can_be_created_public_and_only_once(anna: Anna, face: RecordingFace) -> None:
    (row,) = run(face, "create", "--name", "Open.Data", "--description", "d", "--public").records()
    assert (row["repository"], row["access"]) == (f"{anna.registry}/elucidata/open.data", "public")
    assert face.notes == ["Upper case is folded: Open.Data -> open.data"]
    with pytest.raises(Conflict, match=r"open\.data"):
        run(face, "create", "--name", "open.data", "--description", "d")


def test_update_changes_what_is_named_and_nothing_else(anna: Anna, face: RecordingFace) -> None:
    name = anna.create(description="before")
    (public,) = run(face, "update", "--name", name, "--public").records()
    assert (public["access"], public["description"]) == ("public", "before")
    (described,) = run(face, "update", "--name", f"elucidata/{name}", "--description", "").records()
    assert (described["access"], described["description"]) == ("public", "")
    (private,) = run(face, "update", "--name", name, "--private", "--description", "after").records()
    assert (private["access"], private["description"]) == ("private", "after")
    assert run(face, "list", "--name", name).records() == [private]


def test_latest_and_oldest_count_from_their_ends(anna: Anna, face: RecordingFace) -> None:
    names = [anna.create("counted-") for _ in range(4)]

    def listed(*words: str) -> list[str]:
        rows = run(face, "list", "--name", "counted-*", *words).records()
        return [row["repository"].rpartition("/")[2] for row in rows]

    assert listed("--all") == names[::-1]
    assert listed("--latest", "2") == [names[3], names[2]]
    assert listed("--oldest", "3") == names[:3]
    assert listed("--latest", "100") == names[::-1]
    assert face.notes == []


def test_listing_without_a_count_shows_twenty_and_says_so(anna: Anna, face: RecordingFace) -> None:
    for _ in range(21):
        anna.create("twenty-")
    assert len(run(face, "list", "--name", "twenty-").records()) == 20
    assert face.notes == ["These are the latest 20 repositories; --all shows all."]
    assert len(run(face, "list", "--name", "twenty-", "--all").records()) == 21
    assert face.notes[1:] == []


def test_commits_of_an_overwritten_tag_are_active_and_inactive(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    other = anna.push(name, "v1", "2")
    second = anna.push(name, "latest", "3")
    path = f"{anna.registry}/elucidata/{name}"

    def listed(*words: str) -> list[tuple[str, str, str]]:
        rows = run(face, "commit-list", "--name", name, *words).records()
        return [(row["tag"], row["commit_hash"], row["tag_status"]) for row in rows]

    a, b, c = ("latest", second, "active"), ("v1", other, "active"), ("latest", first, "inactive")
    assert listed() == listed("--all") == [a, b, c]
    assert listed("--oldest", "2") == [c, b]
    assert listed("--latest", "1") == [a]
    assert listed("--tag", "latest") == [a, c]
    assert listed("--status", "inactive") == [c]
    assert listed("--tag", "v1", "--status", "active") == [b]
    assert face.notes == []
    active, _, inactive = run(face, "commit-list", "--name", name).records()
    assert active["pull_path"] == f"{path}:latest"
    assert inactive["pull_path"] == f"{path}@{first}"
    assert active["pushed_by"] == "anna@elucidata.io"
    assert active["platforms"] == ["linux/amd64"]


def test_frame_and_records_have_the_same_columns_and_rows(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    anna.push(name, "latest", "1")
    for result in (run(face, "list", "--name", name), run(face, "commit-list", "--name", name)):
        frame = result.frame()
        assert isinstance(frame, pd.DataFrame)
        assert [*frame.columns] == [*result.columns] == [*result.records()[0]]
        assert len(frame) == 1


def test_empty_listings_say_what_to_do(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    assert run(face, "commit-list", "--name", name).records() == []
    assert run(face, "list", "--name", "no-such-*").records() == []
    assert run(face, "commit-list", "--name", name, "--tag", "v9").records() == []
    assert face.notes == [
        f"Nothing was pushed to elucidata/{name} yet. Push to it: %polly_dockers push IMAGE elucidata/{name}:latest",
        "No repository matches 'no-such-*'.",
        f"No commit of elucidata/{name} is like that; --all without --tag and --status shows every one.",
    ]


@pytest.mark.parametrize(
    ("words", "error", "problem"),
    [
        (("commit-list", "--name", "nowhere"), NotFound, "elucidata/nowhere"),
        (("commit-list", "--name", "16june:latest"), InvalidReference, "a repository has no tag (position 6)"),
        (("commit-list", "--name", ""), InvalidReference, "missing"),
        (("commit-list", "--name", "16june", "--tag", "a b"), InvalidReference, "' ' stands where"),
        (("create", "--name", "a b", "--description", "d"), InvalidReference, "' ' stands where"),
        (("create", "--name", "../etc", "--description", "d"), InvalidReference, "'.' stands where"),
        (("create", "--name", "x" * 300, "--description", "d"), InvalidReference, "255 characters"),
        (("create", "--name", "naïve", "--description", "d"), InvalidReference, "U+00EF"),
        (("create", "--name", "other.example/x/y", "--description", "d"), UsageError, "other.example"),
        (("update", "--name", "nowhere", "--public"), NotFound, "elucidata/nowhere"),
        (("update", "--name", "16june"), UsageError, "Nothing to change about '16june'."),
        (("update", "--name", "16june@sha256:12", "--public"), InvalidReference, "a repository has no digest"),
    ],
)
def test_bad_value_is_refused_by_name(
    anna: Anna, face: RecordingFace, words: tuple[str, ...], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error) as caught:
        run(face, *words)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["list", "commit-list --name x", "create --name x --description y", "update --name x --public"],
)
def test_whoever_is_not_logged_in_is_told_so(face: RecordingFace, line: str) -> None:
    with pytest.raises(NotLoggedIn) as caught:
        run(face, *line.split())
    assert str(caught.value) == "Not logged in to docker.polly.elucidata.io.\nRun %polly_dockers login"


def test_service_that_is_down_is_named(face: RecordingFace, monkeypatch: pytest.MonkeyPatch, unused_port: int) -> None:
    monkeypatch.setenv("POLLY_SERVICE", f"http://127.0.0.1:{unused_port}")
    monkeypatch.setenv("POLLY_API_KEY", "pk_" + 20 * "x")
    with pytest.raises(ServiceUnavailable, match=str(unused_port)):
        run(face, "list")
