"""``history`` against a real service: what the lanes hold, and what each face shows of them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pandas as pd
import pexpect
import pytest

from polly_magic.api import Client
from polly_magic.errors import InvalidReference, NotFound
from polly_magic.history import History
from tests.commands.faces import RecordingFace, run
from tests.kernel import kernel

if TYPE_CHECKING:
    from tests.anna import Anna

PROGRAM = "polly-dockers"
SVG = "{http://www.w3.org/2000/svg}"
COLUMNS = [
    "tag", "pushed_by", "pushed_at", "replaced_at", "commit_hash", "tag_status", "size", "platforms", "pull_path"
]  # fmt: skip


@pytest.fixture
def face() -> RecordingFace:
    return RecordingFace()


def test_overwritten_tag_is_one_lane_whose_segments_meet(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    other = anna.push(name, "v1", "2")
    second = anna.push(name, "latest", "3")
    history = run(face, "history", name).notebook()
    assert isinstance(history, History)
    assert history.path == f"{anna.registry}/elucidata/{name}"
    assert [(lane.tag, [s.commit.commit_hash for s in lane.segments]) for lane in history.lanes] == [
        ("latest", [first, second]),
        ("v1", [other]),
    ]
    before, after = history.lanes[0].segments
    assert before.start < before.replaced_at == before.end == after.start < after.end
    assert (after.replaced_at, after.end) == (None, history.end)
    assert history.lanes[1].segments[0].end == history.end
    assert face.notes == []


def test_client_reads_when_a_commit_was_replaced(anna: Anna) -> None:
    name = anna.create()
    anna.push(name, "latest", "1")
    anna.push(name, "latest", "2")
    with Client() as client:
        active, inactive = client.commits(f"elucidata/{name}")
    assert (active.replaced_at, inactive.replaced_at) == (None, active.pushed_at)


def test_tag_draws_one_lane(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    anna.push(name, "latest", "1")
    anna.push(name, "v1", "2")
    history = run(face, "history", f"elucidata/{name}", "--tag", "v1").notebook()
    assert [lane.tag for lane in history.lanes] == ["v1"]


def test_programs_get_the_segments(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    active, inactive = json.loads(anna.program(PROGRAM, "history", name, "--json").stdout)
    assert [*active] == COLUMNS
    assert (active["commit_hash"], inactive["commit_hash"]) == (second, first)
    assert (active["replaced_at"], inactive["replaced_at"]) == (None, active["pushed_at"])
    rows = csv.DictReader(io.StringIO(anna.program(PROGRAM, "history", name, "--csv").stdout))
    assert [row["replaced_at"] for row in rows] == ["", active["pushed_at"]]
    result = run(face, "history", name)
    frame = result.frame()
    assert [*frame.columns] == [*result.columns] == COLUMNS
    assert frame.dtypes["replaced_at"] == frame.dtypes["pushed_at"]
    assert frame.replaced_at[1] == frame.pushed_at[0]
    assert frame.replaced_at[0] is pd.NaT


def test_notebook_shows_a_picture_and_keeps_the_object(anna: Anna) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "1")
    with kernel(anna.variables) as (notebook, _):
        notebook.run("%load_ext polly_magic")
        shown = notebook.run(f"%polly_dockers history {name}").result
        assert {*shown} == {"text/html", "text/plain"}
        _, said = (title.text or "" for title in ET.fromstring(shown["text/html"]).iter(f"{SVG}title"))
        assert said.split("\n")[:2] == ["latest, active", digest]
        assert f"●━{digest[7:14]}━" in shown["text/plain"]
        kept = notebook.run(f"h = %polly_dockers history {name}\nprint(repr(h))").stdout
        assert kept == f"<History of {anna.registry}/elucidata/{name}: 1 commit on 1 tag>\n"


def test_terminal_prints_a_sketch_of_its_width_in_colour(anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    terminal = pexpect.spawn(
        PROGRAM,
        ["history", name],
        env={key: value for key, value in anna.variables.items() if key != "COLUMNS"} | {"TERM": "xterm-256color"},
        dimensions=(40, 70),
        encoding="utf-8",
        timeout=30,
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    text = terminal.before or ""
    assert "\x1b[32m●" in text
    assert "\x1b[33m○" in text
    path, lane, axis, legend = re.sub(r"\x1b\[\d+m", "", text).splitlines()
    assert path == f"{anna.registry}/elucidata/{name}"
    assert re.fullmatch(r"latest {12}[○─●━0-9a-f]{52}", lane)
    assert first[7:14] in lane or second[7:14] in lane
    assert re.fullmatch(r"\w{3} \d+, \d{4} UTC .*now", axis)
    assert len(axis) == 70
    assert legend == "● active  ○ inactive"


def test_pipe_gets_eighty_columns(anna: Anna) -> None:
    name = anna.create()
    anna.push(name, "latest", "1")
    lines = anna.program(PROGRAM, "history", name, COLUMNS="").stdout.splitlines()
    assert max(map(len, lines[1:])) == 80


def test_nothing_to_draw_is_said(anna: Anna, face: RecordingFace) -> None:
    name = anna.create()
    result = run(face, "history", name)
    assert result.notebook().text() == f"{anna.registry}/elucidata/{name}\nNo commits yet"
    assert (result.records(), len(result.frame())) == ([], 0)
    assert str(result.frame().dtypes["replaced_at"]) == "datetime64[ns, UTC]"
    anna.push(name, "latest", "1")
    run(face, "history", name, "--tag", "v9")
    assert face.notes == [
        f"Nothing was pushed to elucidata/{name} yet. Push to it: %polly_dockers push IMAGE elucidata/{name}:latest",
        f"elucidata/{name} never had the tag 'v9'; without --tag all tags are shown.",
    ]


@pytest.mark.parametrize(
    ("words", "error", "problem"),
    [
        (("nowhere",), NotFound, "elucidata/nowhere"),
        (("16june:latest",), InvalidReference, "a repository has no tag (position 6)"),
        (("16june", "--tag", "a b"), InvalidReference, "' ' stands where"),
    ],
)
def test_bad_value_is_refused_by_name(
    anna: Anna, face: RecordingFace, words: tuple[str, ...], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error) as caught:
        run(face, "history", *words)
    assert problem in str(caught.value)
