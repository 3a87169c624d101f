"""What the buttons do: cells, pulling at once, creating and changing repositories."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest

from polly_magic import Panel
from polly_magic.api import Client
from polly_magic.cells import pull_cell, run_cell
from polly_magic.panel.actions import _Bars
from polly_magic.panel.cell_writer import Outcome
from polly_magic.panel.loading import Cancelled, Job
from tests.commands.faces import RecordingFace, run
from tests.images import import_image
from tests.panel.driving import beside, choose, is_shown, names, opened, said, until

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

    from polly_magic.engine import Pulled
    from tests.anna import Anna


def test_cells_are_those_of_the_commands(anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    anna.push(name, "latest", "2")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        commit = choose(panel, first)
        written: list[str] = []

        def write(text: str, done: Callable[[Outcome], None]) -> None:
            written.append(text)
            done(Outcome(written=True))

        panel.actions.writer.write = write  # type: ignore[method-assign]
        panel.actions.pull_cell.click()
        panel.actions.command.value = "python fit.py --seed '1 2'"
        panel.actions.run_cell.click()
        assert written == [pull_cell(commit), run_cell(commit, ["python", "fit.py", "--seed", "1 2"])]
        assert said(panel.actions.notice) == ["Added the cell below this one. Run it when you are ready."]
        assert panel.actions.sheet.items == []

    asyncio.run(use())


def test_cell_that_cannot_be_written_is_shown_with_the_reason(anna: Anna) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "1")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        commit = choose(panel, digest)
        panel.actions.pull_cell.click()  # there is no notebook here
        await until(lambda: panel.actions.sheet.items)
        (item,) = panel.actions.sheet.items
        assert item["text"] == pull_cell(commit)
        assert item["reason"]

    asyncio.run(use())


def test_command_that_cannot_be_read_is_told(anna: Anna) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "1")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        choose(panel, digest)
        panel.actions.command.value = "echo 'open"
        panel.actions.run_cell.click()
        assert "cannot be read" in said(panel.actions.notice)[0]
        assert panel.actions.sheet.items == []

    asyncio.run(use())


def test_create_puts_errors_beside_their_field_and_selects_what_it_made(anna: Anna) -> None:
    taken = anna.create()
    new = f"new{secrets.token_hex(4)}"

    async def use() -> None:
        panel = Panel()
        assert panel._new.disabled, "nobody knows yet where to create it"
        await until(lambda: taken in names(panel))
        form = panel.editing.create
        assert not is_shown(form)
        panel._new.click()
        assert is_shown(form)

        async def submit(name: str, description: str = "") -> None:
            form.name.value, form.description.value = name, description
            form.submit.click()
            await until(lambda: not panel.editing.saving.busy)

        await submit(taken)
        assert "exists" in beside(form, "name")
        assert not form.submit.disabled
        await submit("no//name")
        assert "This is no image reference" in beside(form, "name")
        await submit("<b>&")
        assert "<b>" not in beside(form, "name")
        await submit(new, "x" * 100_000)
        assert beside(form, "name") == ""
        assert "alert" in beside(form, "description"), form.notice.text
        await submit(new, "made in a panel")
        assert not is_shown(form)
        assert panel.repository is not None
        assert panel.repository.path == f"{anna.registry}/elucidata/{new}"
        assert names(panel)[0] == new

    asyncio.run(use())
    with Client() as client:
        assert client.repository(f"elucidata/{new}").description == "made in a panel"


def test_edit_changes_description_and_access_and_keeps_the_choice(anna: Anna) -> None:
    name = anna.create(description="before")
    digest = anna.push(name, "latest", "1")

    async def use() -> None:
        panel = Panel()
        assert panel._edit.disabled
        await opened(panel, name)
        choose(panel, digest)
        reference = panel.reference
        assert not panel._edit.disabled
        panel._edit.click()
        assert (panel.editing.update.description.value, panel.editing.update.access.value) == ("before", "private")
        panel.editing.update.description.value, panel.editing.update.access.value = "after", "public"
        panel.editing.update.submit.click()
        await until(lambda: not panel.editing.saving.busy)
        assert not is_shown(panel.editing.update)
        assert panel.repository is not None
        assert (panel.repository.description, panel.repository.access) == ("after", "public")
        assert panel.reference == reference

    asyncio.run(use())
    with Client() as client:
        repository = client.repository(f"elucidata/{name}")
    assert (repository.description, repository.access) == ("after", "public")


@pytest.fixture
def pushed(anna: Anna, local: docker.DockerClient) -> str:
    """A repository with an image that the engine does not hold."""
    name = anna.create()
    image = import_image(local, f"polly-test:{name}", name, padding=secrets.token_bytes(20 << 20))
    run(RecordingFace(), "push", f"polly-test:{name}", name)
    local.images.remove(image, force=True)
    return name


@pytest.mark.engine
def test_pull_now_pulls_that_digest(pushed: str, local: docker.DockerClient) -> None:
    async def use() -> None:
        panel = Panel()
        await opened(panel, pushed)
        commit = choose(panel, panel.commits.commits[0].commit_hash)
        panel.actions.pull_now.click()
        assert panel.actions.pull_now.disabled
        assert is_shown(panel.actions._bars)
        await until(lambda: not panel.actions._pulling.busy)
        assert said(panel.actions.notice) == [f"Pulled {panel.reference}. It is on this machine now."]
        assert not is_shown(panel.actions._bars)
        assert local.images.get(f"{commit.repository}@{commit.commit_hash}")

    asyncio.run(use())


def test_bars_of_layers_are_one_and_stop_a_pull_that_is_cancelled() -> None:
    shown: list[float] = []
    job: Job[Pulled] = Job(lambda _: None, lambda _: None, None)
    bars = _Bars(job, shown.append)
    bars.update("first", 5, 10)
    assert shown == [0.5]
    job.cancelled = True
    with pytest.raises(Cancelled):
        bars.update("second", 0, 10)
    assert shown == [0.5]


@pytest.mark.engine
def test_pull_that_is_cancelled_ends_and_can_be_done_again(pushed: str, local: docker.DockerClient) -> None:
    async def use() -> None:
        panel = Panel()
        await opened(panel, pushed)
        choose(panel, panel.commits.commits[0].commit_hash)
        panel.actions.pull_now.click()
        panel.actions.cancel.click()
        assert not panel.actions.pull_now.disabled
        assert said(panel.actions.notice)[0].startswith("Cancelled.")
        await asyncio.sleep(0.5)
        assert said(panel.actions.notice)[0].startswith("Cancelled.")
        panel.actions.pull_now.click()
        await until(lambda: not panel.actions._pulling.busy)
        assert said(panel.actions.notice)[0].startswith("Pulled ")

    asyncio.run(use())
