"""`pin`, `pins`, `require` and `job-json` against the real service, with real notebooks and a real kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from polly_magic.api import Client
from polly_magic.errors import InvalidReference, NotFound, PollyError, UnknownEnvironment, UsageError, WrongEnvironment
from polly_magic.pinning.jobs import MACHINES
from polly_magic.registry import RegistryClient
from tests.anna import MANIFEST
from tests.commands.faces import RecordingFace, run
from tests.kernel import kernel
from tests.local_service import ANNA
from tests.pinning.notebooks import code, read, text, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.anna import Anna
    from tests.kernel import Kernel

INDEX = "application/vnd.oci.image.index.v1+json"
FOREIGN = f"docker.polly.elucidata.io/elucidata/16june@sha256:{64 * '0'}"


@pytest.fixture
def name(anna: Anna) -> str:
    return anna.create("pinned-")


def path_of(anna: Anna, name: str) -> str:
    return f"{anna.registry}/elucidata/{name}"


def line(anna: Anna, name: str, digest: str, tag: str = "latest") -> str:
    day = pd.Timestamp.now("UTC").strftime("%Y-%m-%d")
    return f"%polly_dockers require {path_of(anna, name)}@{digest} --tag {tag} --pinned {day}"


# --- pin -------------------------------------------------------------------------------------------------------------


def test_notebook_gets_the_line_as_its_next_cell(anna: Anna, name: str) -> None:
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    for words, digest in ((name, second), (f"{name}@{first[7:15]}", first)):
        face = RecordingFace(acts_at_once=False)
        result = run(face, "pin", words)
        assert face.cells == [line(anna, name, digest)]
        assert list(result.frame()["commit_hash"]) == [digest]


def test_file_is_pinned_and_moved_on(anna: Anna, name: str, tmp_path: Path) -> None:
    first = anna.push(name, "latest", "1")
    path = write(tmp_path / "a.ipynb", text("# é"), code("1"))
    face = RecordingFace()
    (row,) = run(face, "pin", str(path), name).records()
    image = path_of(anna, name)
    assert row == {"notebook": str(path), "image": image, "tag": "latest", "digest": first, "before": None}
    assert face.notes == [f"{path} is pinned to {image}@{first}. Reload it where it is open."]
    assert read(path)["cells"][1]["source"][1] == line(anna, name, first)
    record = read(path)["metadata"]["polly"]
    assert {key: record[key] for key in ("schema", "image", "tag", "digest", "platform", "pinned_by")} == {
        "schema": 1, "image": image, "tag": "latest", "digest": first, "platform": "linux/amd64", "pinned_by": ANNA,
    }  # fmt: skip
    before = path.read_bytes()
    face = RecordingFace()
    run(face, "pin", str(path), "--update")
    assert face.notes == [f"{path} is pinned to {image}@{first} already: nothing is changed."]
    assert path.read_bytes() == before

    second = anna.push(name, "latest", "2")
    face = RecordingFace()
    (row,) = run(face, "pin", str(path), "--update").records()
    assert (row["digest"], row["before"]) == (second, first)
    assert face.notes == [
        f"{path} is pinned to {image}@{second}, before to {image}@{first}. Reload it where it is open."
    ]
    assert first not in path.read_text()
    assert path.read_text().count(second) == 2


def test_line_that_a_notebook_wrote_itself_is_followed_and_recorded(anna: Anna, name: str, tmp_path: Path) -> None:
    first = anna.push(name, "v1", "1")
    path = write(tmp_path / "a.ipynb", code("%load_ext polly_magic"), code(line(anna, name, first, "v1")))
    run(RecordingFace(), "pin", str(path), "--update")
    assert read(path)["metadata"]["polly"]["digest"] == first
    second = anna.push(name, "v1", "2")
    run(RecordingFace(), "pin", str(path), "--update")
    assert read(path)["cells"][1]["source"] == line(anna, name, second, "v1")


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["a.ipynb"], UsageError, "To what is a.ipynb pinned?"),
        (["{name}", "--update"], UsageError, "--update takes a notebook"),
        (["a.ipynb", "{name}", "--update"], UsageError, "--update takes a notebook"),
        (["{name}", "{name}"], UsageError, "This cannot be pinned"),
        (["{name}", "a.ipynb"], UsageError, "This cannot be pinned"),
        (["a.ipynb", "b.ipynb"], UsageError, "This cannot be pinned"),
        (["none.ipynb", "{name}"], UsageError, "There is no notebook 'none.ipynb'"),
        (["broken.ipynb", "{name}"], UsageError, "'broken.ipynb' cannot be read: it is no JSON"),
        (["a.ipynb", "--update"], UsageError, "a.ipynb is not pinned."),
        (["tagless.ipynb", "--update"], UsageError, "tagless.ipynb is pinned to a digest without a tag."),
        (["foreign.ipynb", "--update"], UsageError, "is kept on docker.polly.elucidata.io"),
        (["a.ipynb", "{name}:none"], NotFound, "has no tag 'none'"),
        (["a.ipynb", "???"], InvalidReference, "no image reference"),
        (["no-such-repository"], NotFound, "no-such-repository"),
    ],
)
def test_wrong_pin_is_refused_and_changes_no_file(
    anna: Anna, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], kind: Any, said: str
) -> None:
    anna.push(name, "latest", "1")
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.ipynb", code("1"))
    write(tmp_path / "b.ipynb", code("1"))
    (tmp_path / "broken.ipynb").write_text("{")
    write(tmp_path / "tagless.ipynb", code(f"%polly_dockers require {FOREIGN}"))
    write(tmp_path / "foreign.ipynb", code(f"%polly_dockers require {FOREIGN} --tag latest"))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(kind) as caught:
        run(RecordingFace(), "pin", *(word.format(name=name) for word in words))
    assert said in caught.value.problem
    assert caught.value.remedy
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# --- pins ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(anna: Anna, name: str, tmp_path: Path) -> Path:
    """Notebooks in every state."""
    old = anna.push(name, "latest", "1")
    new = anna.push(name, "latest", "2")
    (tmp_path / "deep" / ".ipynb_checkpoints").mkdir(parents=True)
    write(tmp_path / "current.ipynb", code("1"))
    run(RecordingFace(), "pin", str(tmp_path / "current.ipynb"), name)
    write(tmp_path / "deep" / "newer.ipynb", code(line(anna, name, old)))
    write(tmp_path / "deep" / ".ipynb_checkpoints" / "newer-checkpoint.ipynb", code(line(anna, name, old)))
    write(tmp_path / "foreign.ipynb", code(f"%polly_dockers require {FOREIGN} --tag latest"))
    write(tmp_path / "gone.ipynb", code(line(anna, name, new, "gone")))
    write(tmp_path / "tagless.ipynb", code(f"%polly_dockers require {path_of(anna, name)}@{new}"))
    write(tmp_path / "unpinned.ipynb", code("1"))
    (tmp_path / "unreadable.ipynb").write_text("{")
    return tmp_path


STATES = {
    "current.ipynb": ("current", None),
    "deep/newer.ipynb": ("newer", None),
    "foreign.ipynb": ("unknown", "The image is kept on docker.polly.elucidata.io, and you are logged in to "),
    "gone.ipynb": ("unknown", "has no tag 'gone' any more."),
    "tagless.ipynb": ("unknown", "The pin names no tag, so there is none to follow."),
    "unpinned.ipynb": ("unpinned", None),
    "unreadable.ipynb": ("unreadable", "it is no JSON"),
}


def test_every_notebook_is_a_row_with_its_state(anna: Anna, name: str, folder: Path) -> None:
    frame = run(RecordingFace(), "pins", str(folder)).frame().set_index("notebook")
    assert [*frame.index] == [*STATES]
    for notebook, (state, problem) in STATES.items():
        row = frame.loc[notebook]
        assert row["state"] == state, notebook
        assert (problem or "") in ("" if pd.isna(row["problem"]) else row["problem"]), notebook
        assert pd.isna(row["problem"]) == (problem is None), notebook
    with Client() as client:
        new, old = (commit.commit_hash for commit in client.commits(f"elucidata/{name}"))
    assert (frame.loc["deep/newer.ipynb", "digest"], frame.loc["deep/newer.ipynb", "newer"]) == (old, new)
    assert frame["newer"].count() == 1
    assert frame.loc["current.ipynb", "pinned_by"] == ANNA
    assert frame["pinned_at"].notna().tolist() == [True, True, False, True, False, False, False]


def test_columns_and_types_stay_where_there_is_nothing(anna: Anna, folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    face = RecordingFace()
    nothing = run(face, "pins", str(empty)).frame()
    assert face.notes == [f"There are no notebooks below {empty}."]
    some = run(RecordingFace(), "pins", str(folder)).frame()
    assert nothing.dtypes.to_dict() == some.dtypes.to_dict()
    assert str(some.dtypes["pinned_at"]) == "datetime64[ns, UTC]"


def test_pins_are_listed_without_a_login(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(tmp_path / "nobody"))
    frame = run(RecordingFace(), "pins", str(folder)).frame().set_index("notebook")
    assert set(frame["state"]) == {"unknown", "unpinned", "unreadable"}
    assert frame.loc["current.ipynb", "problem"].startswith("Not logged in to")


def test_service_that_is_away_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    monkeypatch.setenv("POLLY_SERVICE", f"http://127.0.0.1:{unused_port}")
    monkeypatch.setenv("POLLY_API_KEY", "key")
    calls: list[str] = []
    monkeypatch.setattr(Client, "commits", _counted(calls, Client.commits))
    for number in range(3):
        image = f"127.0.0.1:{unused_port}/elucidata/image{number}@sha256:{64 * '0'}"
        write(tmp_path / f"{number}.ipynb", code(f"%polly_dockers require {image} --tag latest"))
    records = run(RecordingFace(), "pins", str(tmp_path)).records()
    assert calls == ["elucidata/image0"]
    assert {row["state"] for row in records} == {"unknown"}
    assert {row["problem"] for row in records} == {records[0]["problem"]}
    assert f"127.0.0.1:{unused_port}" in records[0]["problem"]


def _counted(calls: list[str], commits: Any) -> Any:
    def counted(client: Client, path: str, **more: Any) -> Any:
        calls.append(path)
        return commits(client, path, **more)

    return counted


def test_terminal_prints_the_pins(anna: Anna, folder: Path) -> None:
    done = anna.program("polly-dockers", "pins", str(folder))
    assert done.returncode == 0, done.stderr
    assert "deep/newer.ipynb" in done.stdout
    rows = json.loads(anna.program("polly-dockers", "pins", str(folder), "--json").stdout)
    assert [row["state"] for row in rows] == [state for state, _ in STATES.values()]
    assert anna.program("polly-dockers", "pins", str(folder), "--csv").stdout.count("\n") == len(STATES) + 1


def test_missing_directory_is_said() -> None:
    with pytest.raises(UsageError, match="There is no directory 'nowhere'"):
        run(RecordingFace(), "pins", "nowhere")


# --- require ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def notebook(anna: Anna) -> Iterator[Kernel]:
    with kernel(anna.variables) as (started, _):
        assert started.run("%load_ext polly_magic").status == "ok"
        yield started


def test_cell_that_pin_wrote_passes_in_its_image_and_nowhere_else(notebook: Kernel, anna: Anna, name: str) -> None:
    old = anna.push(name, "latest", "1")
    new = anna.push(name, "latest", "2")
    (cell,) = notebook.run(f"%polly_dockers pin {name}").next_cells
    image = path_of(anna, name)
    refused = notebook.run(cell)
    # A machine may itself be a container that nobody can ask about.
    assert refused.error in ("WrongEnvironment", "UnknownEnvironment")
    notebook.run(f"import os; os.environ['POLLY_IMAGE'] = '{image}@{old}'")
    refused = notebook.run(cell)
    assert refused.error == "WrongEnvironment"
    day = cell.rpartition(" ")[2]
    needs = f"This notebook needs {image}@{new} ({name}:latest, pinned {day})"
    assert refused.traceback == [
        f"WrongEnvironment: {needs}, and this kernel runs in {image}@{old}.",
        (
            f"Get there with: polly-dockers kernel install {image}@{new[7:14]} - then choose that kernel in the"
            f" notebook's menu Kernel; for a program: polly-dockers run {image}@{new[7:14]} -- COMMAND"
        ),
    ]
    warned = notebook.run(f"{cell} --warn")
    assert (warned.status, warned.stdout) == ("ok", f"Warning: {refused.traceback[0][18:]}\n{refused.traceback[1]}\n")
    notebook.run(f"os.environ['POLLY_IMAGE'] = '{image}@{new}'")
    passed = notebook.run(cell)
    assert (passed.status, passed.result) == ("ok", {})
    assert passed.stdout == f"This kernel runs in {name}@{new[7:14]}, as the notebook needs.\n"


def test_names_count_for_nothing(anna: Anna, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = anna.push(name, "latest", "1")
    monkeypatch.setenv("POLLY_IMAGE", f"localhost:1/copied/elsewhere@{digest}")
    face = RecordingFace()
    run(face, "require", f"{path_of(anna, name)}@{digest}")
    assert face.notes == [f"This kernel runs in {name}@{digest[7:14]}, as the notebook needs."]


def test_index_and_its_platform_are_the_same(anna: Anna, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part = anna.push(name, "part", "1")
    other = anna.push(name, "other", "2")
    path = f"elucidata/{name}"
    with Client() as client:
        token = client.registry_token("pull,push", 600)
    with RegistryClient(anna.registry, token.username, token.secret) as registry:
        size = len(registry.get_manifest(path, part).content)
        platform = {"os": "linux", "architecture": "amd64"}
        held = {"mediaType": MANIFEST, "digest": part, "size": size, "platform": platform}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [held]}
        whole = registry.put_manifest(path, "latest", json.dumps(index).encode(), INDEX)
    image = path_of(anna, name)
    for needs, runs in ((whole, part), (part, whole)):
        monkeypatch.setenv("POLLY_IMAGE", f"{image}@{runs}")
        run(RecordingFace(), "require", f"{image}@{needs}")
    for needs, runs in ((whole, other), (other, whole), (part, other), (whole, f"sha256:{64 * '0'}")):
        monkeypatch.setenv("POLLY_IMAGE", f"{image}@{runs}")
        with pytest.raises(WrongEnvironment) as caught:
            run(RecordingFace(), "require", f"{image}@{needs}")
        assert not isinstance(caught.value, UnknownEnvironment)
        assert "could not be asked" not in caught.value.problem


def test_what_cannot_be_asked_is_said(anna: Anna, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLLY_IMAGE", f"{FOREIGN[:-1]}1")
    doubt = "Whether one of both is the other's image for a platform could not be asked: "
    with pytest.raises(WrongEnvironment, match=f"{doubt}you are logged in to {anna.registry}, not to docker.polly"):
        run(RecordingFace(), "require", FOREIGN)
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(tmp_path))
    with pytest.raises(WrongEnvironment, match=f"{doubt}Not logged in to"):
        run(RecordingFace(), "require", FOREIGN)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["16june"], "'16june' has no full digest"),
        ([FOREIGN.partition("@")[0]], "has no full digest"),
        ([f"{FOREIGN[:-50]}"], "has no full digest"),
        (["elucidata/" + FOREIGN.rpartition("/")[2]], "has no full host"),
        ([FOREIGN, "--tag", "not a tag"], "no image reference"),
        ([FOREIGN, "--pinned", "yesterday"], "--pinned takes a day, not 'yesterday'"),
        ([FOREIGN, "--pinned", "2026-02-30"], "--pinned takes a day"),
        ([f"{FOREIGN}0"], "hexadecimal digits"),
        (["???"], "no image reference"),
        ([], "are required: REF"),
    ],
)
def test_wrong_requirement_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(RecordingFace(), "require", *words)
    assert said in caught.value.problem


# --- job-json --------------------------------------------------------------------------------------------------------


def test_job_names_the_commit_by_digest(anna: Anna, name: str) -> None:
    first = anna.push(name, "v1", "1")
    anna.push(name, "v1", "2")
    face = RecordingFace(acts_at_once=False)
    job = run(
        face, "job-json", f"{name}@{first}", "--machine", "gp", "--name", "fit é", "--", "sh", "-c", "a 'b' --out"
    )
    described = {
        "machineType": "gp",
        "image": path_of(anna, name),
        "tag": f"v1@{first}",
        "name": "fit é",
        "command": ["sh", "-c", "a 'b' --out"],
    }
    assert job.notebook() == described
    assert job.records() == [described]
    assert job.frame().to_dict("records") == [described]
    (cell,) = face.cells
    head, _, body = cell.partition("\n")
    assert head == "%%writefile job.json"
    assert json.loads(body) == described


def test_job_is_a_dict_in_a_notebook_and_json_in_a_terminal(
    notebook: Kernel, anna: Anna, name: str, tmp_path: Path
) -> None:
    digest = anna.push(name, "latest", "1")
    described = {"machineType": "mi3xlarge", "image": path_of(anna, name), "tag": f"latest@{digest}", "name": "fit"}
    asked = f"%polly_dockers job-json {name} --machine mi3xlarge --name fit"
    cell = notebook.run(f"import os; os.chdir({str(tmp_path)!r})")
    cell = notebook.run(f"job = {asked}")
    assert notebook.run(f"assert job == {described!r}").status == "ok"
    assert notebook.run(cell.next_cells[0]).status == "ok"
    assert json.loads((tmp_path / "job.json").read_text()) == described
    words = ("polly-dockers", "job-json", name, "--machine", "mi3xlarge", "--name", "fit")
    assert json.loads(anna.program(*words).stdout) == described
    out = tmp_path / "out.json"
    done = anna.program(*words, "--out", str(out))
    assert done.stderr == f"The job is in {out}.\n"
    assert json.loads(out.read_text()) == described


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--machine", "GP", "--name", "x"], "a machine 'GP' (did you mean gp?)"),
        (["--machine", "gpu-small", "--name", "x"], "(did you mean gpusmall"),
        (["--machine", "mi3xlrage", "--name", "x"], "(did you mean mi3xlarge"),
        (["--machine", "quantum", "--name", "x"], "a machine 'quantum'."),
        (["--machine", "", "--name", "x"], "a machine ''."),
        (["--machine", "gp", "--name", " "], "A job needs a name."),
        (["--machine", "gp"], "are required: --name"),
        (["--name", "x"], "are required: --machine"),
    ],
)
def test_wrong_job_is_refused_before_anything_is_asked(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(RecordingFace(), "job-json", "16june", *words)
    assert said in caught.value.problem


def test_file_that_cannot_be_written_is_said(anna: Anna, name: str, tmp_path: Path) -> None:
    anna.push(name, "latest", "1")
    words = ("job-json", name, "--machine", "gp", "--name", "x", "--out")
    for out in (str(tmp_path), str(tmp_path / "none" / "job.json"), "zero\0byte"):
        with pytest.raises(PollyError, match="cannot be written"):
            run(RecordingFace(), *words, out)
    assert [*tmp_path.iterdir()] == []


def test_documented_machines_are_the_ones_that_are_taken() -> None:
    from tests.test_documentation import ROOT

    page = (ROOT / "docs/commands.md").read_text()
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `") and "xlarge" in line]
    assert {row.strip("`") for row in rows} == {name for name in MACHINES if "xlarge" in name}
    assert all(f"| `{name}` |" in page for name in MACHINES)
