"""``%polly_dockers`` in a real kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polly_magic.service.local import issue_local_key
from tests.kernel import Kernel, kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna

DEFAULT_HTML = '<table border="1" class="dataframe">'


@pytest.fixture
def bare(anna: Anna) -> Iterator[Kernel]:
    """A kernel without the extension."""
    with kernel(anna.variables) as (running, _):
        yield running


@pytest.fixture
def notebook(bare: Kernel) -> Kernel:
    """A kernel with the extension, Anna logged in."""
    loaded = bare.run("%load_ext polly_magic")
    assert (loaded.status, loaded.stdout, loaded.stderr) == ("ok", "", "")
    return bare


def test_listing_is_a_frame_to_assign_show_and_work_with(notebook: Kernel, anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    shown = notebook.run(f"%polly_dockers commit-list --name {name} --all")
    assert shown.status == "ok"
    assert first in shown.result["text/html"]
    assert second in shown.result["text/html"]
    assert "background-color" in shown.result["text/html"]
    assigned = notebook.run(
        f"df = %polly_dockers commit-list --name {name} --all\n[*df.commit_hash], str(df.dtypes['pushed_at'])"
    )
    assert assigned.result["text/plain"] == f"(['{second}',\n  '{first}'],\n 'datetime64[ns, UTC]')"
    assert assigned.stdout == ""


def test_semicolon_silences_the_output(notebook: Kernel, anna: Anna) -> None:
    cell = notebook.run("%polly_dockers list --all;")
    assert (cell.status, cell.result, cell.stdout) == ("ok", {}, "")
    cell = notebook.run("%polly_dockers list --name 'no such thing' --all ;")
    assert (cell.status, cell.result) == ("ok", {})
    assert cell.stdout == "No repository matches 'no such thing'.\n"


def test_python_s_variables_stand_in_for_arguments(notebook: Kernel, anna: Anna) -> None:
    name = anna.create(description="of a variable")
    for line in ("--name {name}", "--name $name", "--name {'NAME'.lower() and name}"):
        cell = notebook.run(f"name = {name!r}\ndf = %polly_dockers list {line}\nlist(df.description)")
        assert cell.result["text/plain"] == "['of a variable']"


def test_quoted_argument_is_one(notebook: Kernel, anna: Anna) -> None:
    cell = notebook.run("""%polly_dockers create --name quoted --description "it's a; 'quoted' text" """)
    assert cell.status == "ok"
    cell = notebook.run("df = %polly_dockers list --name quoted\ndf.description[0]")
    assert cell.result["text/plain"] == "\"it's a; 'quoted' text\""


def test_error_is_an_error_of_two_lines(notebook: Kernel) -> None:
    cell = notebook.run("%polly_dockers commit-list --name nowhere")
    assert (cell.status, cell.error) == ("error", "NotFound")
    assert cell.traceback == [
        "NotFound: There is no repository 'elucidata/nowhere', or you may not see it.",
        "See %polly_dockers list --all",
    ]
    assert (cell.stdout, cell.stderr, cell.result) == ("", "", {})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lsit", "UsageError: %polly_dockers has no command 'lsit' (did you mean list?)."),
        (
            "list --latest none",
            "UsageError: %polly_dockers list: argument --latest: N is a whole number from 1, not 'none'.",
        ),
        ("list 'open", 'UsageError: "list \'open" cannot be read: No closing quotation.'),
        ("list --json", "UsageError: %polly_dockers list has no flag '--json'."),
        (
            "commit-list --name 16june --tag :",
            "InvalidReference: This is no image reference: ':' stands where a tag should be (position 0).",
        ),
    ],
)
def test_wrong_line_is_an_error_and_no_exit(notebook: Kernel, line: str, problem: str) -> None:
    cell = notebook.run(f"%polly_dockers {line}")
    assert cell.status == "error"
    assert cell.traceback[0].startswith(problem)
    assert notebook.run("1 + 1").result["text/plain"] == "2"


def test_debug_shows_the_traceback(notebook: Kernel) -> None:
    for line in ("--debug commit-list --name nowhere", "commit-list --name nowhere --debug"):
        cell = notebook.run(f"%polly_dockers {line}")
        assert cell.error == "NotFound"
        assert cell.traceback[0] == "Traceback (most recent call last):"
        assert any("commands/commit_list.py" in text for text in cell.traceback)


def test_help_is_printed_and_no_error(notebook: Kernel) -> None:
    for line in ("--help", "-h", "--help;"):
        cell = notebook.run(f"%polly_dockers {line}")
        assert (cell.status, cell.result, cell.stderr) == ("ok", {}, "")
        assert "commit-list" in cell.stdout
    cell = notebook.run("%polly_dockers list --help")
    assert "%polly_dockers list --all" in cell.stdout


def test_other_frames_look_as_they_did(notebook: Kernel) -> None:
    code = "import pandas as pd; frame = pd.DataFrame({'tag_status': ['active']}); frame"
    html = notebook.run(code).result["text/html"]
    assert DEFAULT_HTML in html
    assert notebook.run(f"frame._repr_html_() == {html!r}").result["text/plain"] == "True"


def test_formatter_that_was_there_is_asked_and_comes_back(bare: Kernel, anna: Anna) -> None:
    bare.run(
        "import pandas as pd\n"
        "html = get_ipython().display_formatter.formatters['text/html']\n"
        "html.for_type(pd.DataFrame, lambda frame: f'<i>{len(frame)}</i>')\n"
        "%load_ext polly_magic"
    )
    assert bare.run("pd.DataFrame({'a': [1, 2]})").result["text/html"] == "<i>2</i>"
    anna.create()
    assert "<table" in bare.run("%polly_dockers list").result["text/html"]
    bare.run("%unload_ext polly_magic")
    assert bare.run("pd.DataFrame({'a': [1, 2]})").result["text/html"] == "<i>2</i>"


def test_unload_leaves_no_trace_and_reload_works(notebook: Kernel, anna: Anna) -> None:
    anna.create()
    assert notebook.run("%polly_dockers list").status == "ok"
    state = (
        "ip = get_ipython(); html = ip.display_formatter.formatters['text/html']\n"
        "ip.Completer.custom_matchers, 'polly_dockers' in ip.magics_manager.magics['line'],"
        "'PollyMagics' in ip.magics_manager.registry,"
        "[key for key in [*html.type_printers, *html.deferred_printers] if 'DataFrame' in str(key)]"
    )
    assert notebook.run("%unload_ext polly_magic").status == "ok"
    assert notebook.run(state).result["text/plain"] == "([], False, False, [])"
    cell = notebook.run("%polly_dockers list")
    assert (cell.status, cell.error) == ("error", "")  # IPython's own words for a magic that is not there
    for _ in range(2):
        assert notebook.run("%reload_ext polly_magic").status == "ok"
    assert notebook.run("len(get_ipython().Completer.custom_matchers)").result["text/plain"] == "1"
    assert notebook.run("%polly_dockers list").status == "ok"
    frame = notebook.run("import pandas as pd; pd.DataFrame({'a': [1]})")
    assert DEFAULT_HTML in frame.result["text/html"]


def test_login_asks_for_the_key_which_appears_nowhere(anna: Anna, tmp_path: Path) -> None:
    key = issue_local_key(Path(anna.variables["POLLY_MAGIC_HOME"], "service")).reveal()
    variables = anna.variables | {"POLLY_MAGIC_HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    with kernel(variables) as (notebook, _):
        notebook.run("%load_ext polly_magic")
        cell = notebook.run(f"%polly_dockers login --service http://{anna.registry}", answer=key)
        assert cell.prompts == [f"API key for {anna.registry}: "]
        assert cell.status == "ok"
        assert cell.stdout.startswith(f"Logged in to {anna.registry} as anna@elucidata.io (admin of elucidata).")
        seen = notebook.run("%history\nprint(In, Out, dir())")
        assert key not in repr(cell) + repr(seen)
        wrong = notebook.run(f"%polly_dockers login --service http://{anna.registry}", answer="pk_" + 30 * "x")
        assert wrong.error == "NotLoggedIn"
        assert 30 * "x" not in repr(wrong)


def test_login_where_nobody_can_be_asked_says_how_else(anna: Anna, tmp_path: Path) -> None:
    with kernel(anna.variables | {"POLLY_MAGIC_HOME": str(tmp_path)}) as (notebook, _):
        notebook.run("%load_ext polly_magic")
        cell = notebook.run("%polly_dockers login")
        assert cell.error == "NotLoggedIn"
        assert "runs without a front end" in cell.traceback[0]
        assert "POLLY_API_KEY" in cell.traceback[1]


def test_pull_and_run_give_the_next_cell_for_exactly_one_digest(notebook: Kernel, anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    (cell,) = notebook.run(f"%polly_dockers pull {name}").next_cells
    assert f"!docker pull {anna.registry}/elucidata/{name}@{second}" in cell.splitlines()
    (cell,) = notebook.run(f"%polly_dockers run {name}@{first[7:14]} -- python -c 'print(1)'").next_cells
    assert f"{anna.registry}/elucidata/{name}@{first} python -c 'print(1)'" in cell


def test_interrupted_magic_is_one_line_and_still_stops_a_run_of_all_cells(anna: Anna) -> None:
    with kernel(anna.variables) as (notebook, manager):
        notebook.run("%load_ext polly_magic")
        notebook.run(
            "import time, polly_magic.api as api\n"
            "def slow(self, **_):\n    print('now', flush=True)\n    time.sleep(30)\n"
            "api.Client.repositories = slow"
        )
        cell = notebook.run("%polly_dockers list", interrupt=manager)
        assert cell.status == "error"
        assert cell.traceback == ["Interrupted."]


def test_bars_come_after_a_second_and_leave_one_line(notebook: Kernel) -> None:
    work = (
        "import time\nfrom polly_magic.progress import notebook_bars\n"
        "with notebook_bars('Pulled it') as bars:\n"
        "    for step in range({steps}):\n"
        "        bars.update('layer [red]1', step, {steps}); time.sleep(0.1)"
    )
    quick = notebook.run(work.format(steps=5))
    assert (quick.shown, quick.stdout, quick.stderr) == ([], "", "")
    slow = notebook.run(work.format(steps=18))
    assert [[*data] for data in slow.shown] == [["text/plain"]]
    assert re.fullmatch(r"Pulled it: \d+ s", slow.shown[0]["text/plain"])
    assert slow.redrawn >= 2
    assert (slow.stdout, slow.stderr) == ("", "")


def test_bars_show_the_state_of_each(notebook: Kernel) -> None:
    cell = notebook.run(
        "import time\nfrom polly_magic.progress import notebook_bars\n"
        "from IPython.display import DisplayHandle\n"
        "seen = []\n"
        "DisplayHandle.display = DisplayHandle.update = lambda self, data, **_: seen.append(data['text/plain'])\n"
        "with notebook_bars('Pulled it') as bars:\n"
        "    bars.update('layer [red]1', 0, 4); time.sleep(1.1)\n"
        "    bars.update('layer [red]1', 1, 4, note='pulling')\n"
        "    bars.update('layer 2', 4, 4, note='done'); time.sleep(0.3)\n"
        "    bars.update('layer [red]1', 2, 4, note='pulling')\n"
        "print(seen[-2])"
    )
    first, second = cell.stdout.splitlines()
    assert first.startswith("layer [red]1 ")
    assert first.split()[-2:] == ["50%", "pulling"]
    assert second.split()[-2:] == ["100%", "done"]


def test_path_of_an_environment_that_nobody_activated_is_found(anna: Anna) -> None:
    path = anna.variables["PATH"].partition(":")[2]
    with kernel(anna.variables | {"PATH": path}) as (notebook, _):
        notebook.run("%load_ext polly_magic")
        cell = notebook.run("import shutil; shutil.which('docker-credential-polly') is not None")
        assert cell.result["text/plain"] == "True"


def test_saved_notebook_of_a_headless_run_is_clean(anna: Anna) -> None:
    """What nbclient keeps, as ``jupyter nbconvert --execute`` does."""
    import nbformat
    from nbclient import NotebookClient

    anna.create()
    work = (
        "import time\nfrom polly_magic.progress import notebook_bars\n"
        "with notebook_bars('Pulled it') as bars:\n"
        "    for step in range(14):\n        bars.update('layer', step, 14); time.sleep(0.1)"
    )
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(text) for text in ("%load_ext polly_magic", work, "%polly_dockers list --all")
    ]
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute(env=anna.variables)
    loaded, bars, listed = notebook.cells
    assert loaded.outputs == []
    assert [[*output["data"]] for output in bars.outputs] == [["text/plain"]]
    assert re.fullmatch(r"Pulled it: \d+ s", bars.outputs[0]["data"]["text/plain"])
    assert [output["output_type"] for output in listed.outputs] == ["execute_result"], listed.outputs
    assert sorted(listed.outputs[0]["data"]) == ["text/html", "text/plain"]
