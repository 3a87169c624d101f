"""The cell writer's talk with the notebook, which is played here; `tests/browser` has the real ones."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import comm
import pytest
from comm.base_comm import BaseComm

from polly_magic.panel import cell_writer
from polly_magic.panel.cell_writer import CellWriter, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

WRITTEN = Outcome(written=True)


class Notebook(BaseComm):
    """The far end: keeps what it is sent, and answers through `answer`."""

    def __init__(self, **arguments: Any) -> None:
        self.received: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], None] = lambda _: None
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
        if msg_type == "comm_msg" and data["method"] == "custom":
            self.received.append(data["content"])
            self.answer(data["content"])

    def say(self, **content: Any) -> None:
        self.handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


@pytest.fixture
def outcomes() -> list[Outcome]:
    return []


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    monkeypatch.setattr(comm, "create_comm", Notebook)
    monkeypatch.setattr(cell_writer, "_TICK", 0.01)
    return Notebook()


@pytest.fixture
def writer(notebook: Notebook) -> CellWriter:
    return CellWriter("anchor")


def far_end(writer: CellWriter) -> Notebook:
    assert isinstance(writer.comm, Notebook)
    return writer.comm


def answering(notebook: Notebook, *clients: str) -> list[str]:
    """Let each client answer as the JavaScript does, and return the texts that they write."""
    cells: list[str] = []

    def answer(message: dict[str, Any]) -> None:
        for client in clients:
            if message["kind"] == "offer":
                notebook.say(kind="offer", request=message["request"], client=client)
            elif message["client"] == client:
                cells.append(message["text"])
                notebook.say(kind="write", request=message["request"], client=client)

    notebook.answer = answer
    return cells


def until(done: list[Outcome], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not done and time.monotonic() < end:
        time.sleep(0.01)


def test_notebook_that_answers_gets_the_text_once(writer: CellWriter, outcomes: list[Outcome]) -> None:
    cells = answering(far_end(writer), "one")
    writer.write("!docker pull a", outcomes.append)
    writer.write("!docker pull b", outcomes.append)
    assert cells == ["!docker pull a", "!docker pull b"]
    assert outcomes == [WRITTEN, WRITTEN]
    offer, write, *_ = far_end(writer).received
    assert (offer["anchor"], write["anchor"], write["model"]) == ("anchor", "anchor", writer.model_id)
    assert "text" not in offer
    assert "!docker" not in str(writer.get_state()), "the text would be saved with the notebook"


def test_two_windows_on_one_kernel_write_once(writer: CellWriter, outcomes: list[Outcome]) -> None:
    cells = answering(far_end(writer), "one", "two")
    writer.write("text", outcomes.append)
    assert (cells, outcomes) == (["text"], [WRITTEN])


def test_answer_that_comes_twice_counts_once(writer: CellWriter, outcomes: list[Outcome]) -> None:
    writer.write("text", outcomes.append)
    notebook = far_end(writer)
    request = notebook.received[0]["request"]
    for _ in range(2):
        notebook.say(kind="offer", request=request, client="one")
    assert [message["kind"] for message in notebook.received] == ["offer", "write"]
    for _ in range(2):
        notebook.say(kind="write", request=request, client="one")
    assert outcomes == [WRITTEN]


def test_refusal_is_the_outcome_unless_another_window_can(writer: CellWriter, outcomes: list[Outcome]) -> None:
    notebook = far_end(writer)
    writer.write("text", outcomes.append)
    notebook.say(kind="refuse", request=notebook.received[0]["request"], client="one", reason="It is read-only.")
    assert outcomes == []
    until(outcomes)
    assert outcomes == [Outcome(written=False, reason="It is read-only.")]

    outcomes.clear()
    writer.write("text", outcomes.append)
    request = notebook.received[-1]["request"]
    notebook.say(kind="refuse", request=request, client="one", reason="It is read-only.")
    notebook.say(kind="offer", request=request, client="two")
    assert notebook.received[-1]["client"] == "two"
    notebook.say(kind="refuse", request=request, client="one", reason="It is read-only.")
    assert outcomes == []
    notebook.say(kind="refuse", request=request, client="two", reason="The cell is gone.")
    assert outcomes == [Outcome(written=False, reason="The cell is gone.")]


def test_silence_ends_and_a_late_answer_writes_nothing(writer: CellWriter, outcomes: list[Outcome]) -> None:
    notebook = far_end(writer)
    writer.write("text", outcomes.append)
    until(outcomes)
    assert outcomes == [Outcome(written=False, reason=cell_writer.NO_ANSWER)]
    notebook.say(kind="offer", request=notebook.received[0]["request"], client="one")
    assert [message["kind"] for message in notebook.received] == ["offer"]
    assert len(outcomes) == 1


def test_silence_after_the_text_was_handed_over_is_told_apart(writer: CellWriter, outcomes: list[Outcome]) -> None:
    notebook = far_end(writer)
    writer.write("text", outcomes.append)
    notebook.say(kind="offer", request=notebook.received[0]["request"], client="one")
    until(outcomes)
    assert outcomes == [Outcome(written=False, reason=cell_writer.NO_WORD)]


def test_kernel_that_was_busy_still_hears_the_answer(writer: CellWriter, outcomes: list[Outcome]) -> None:
    notebook = far_end(writer)

    async def kernel() -> None:
        writer.write("text", outcomes.append)
        request = notebook.received[0]["request"]
        for _ in range(3):
            await asyncio.sleep(0)
            time.sleep(0.4)  # noqa: ASYNC251 - a cell that runs; together four times the time-out
        assert outcomes == []
        answering(notebook, "one")
        notebook.say(kind="offer", request=request, client="one")

    asyncio.run(kernel())
    assert outcomes == [WRITTEN]


def test_time_out_comes_in_the_kernel_s_own_loop(writer: CellWriter, outcomes: list[Outcome]) -> None:
    async def kernel() -> None:
        answered = asyncio.Event()

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            answered.set()

        writer.write("text", done)
        assert outcomes == [], "it does not wait"
        await answered.wait()

    asyncio.run(asyncio.wait_for(kernel(), 10))
    assert outcomes == [Outcome(written=False, reason=cell_writer.NO_ANSWER)]


def test_without_a_cell_it_says_so(notebook: Notebook, outcomes: list[Outcome]) -> None:
    writer = CellWriter()
    writer.write("text", outcomes.append)
    assert outcomes == [Outcome(written=False, reason=cell_writer.NO_CELL)]
    assert far_end(writer).received == []
