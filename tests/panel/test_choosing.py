"""Choosing a repository and a commit, against the real service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import traitlets

from polly_magic import Panel
from polly_magic.api import Client
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.settings import Login, service_at
from tests.panel.driving import choose, click, facts, is_shown, names, opened, said, until

if TYPE_CHECKING:
    from tests.anna import Anna


def test_choice_is_observable_typed_state(anna: Anna) -> None:
    name = anna.create(description="for a panel")
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    path = f"{anna.registry}/elucidata/{name}"

    async def use() -> None:
        panel = Panel()
        seen: list[str] = []
        panel.observe(lambda change: seen.append(change.new), "reference")
        assert said(panel.repositories.notice) == ["Loading repositories ..."]
        assert (panel.repository, panel.commit, panel.reference) == (None, None, "")
        await opened(panel, name)
        assert panel.repository is not None
        assert (panel.repository.path, panel.repository.description) == (path, "for a panel")
        assert panel.commit is None
        assert not is_shown(panel._chosen)
        commit = choose(panel, first)
        assert (commit.commit_hash, commit.tag_status) == (first, "inactive")
        assert panel.reference == f"{path}@{first}"
        assert is_shown(panel._chosen)
        choose(panel, second)
        assert seen == [f"{path}@{first}", f"{path}@{second}"]
        with pytest.raises(traitlets.TraitError):
            panel.reference = "another"

    asyncio.run(use())


def test_rows_are_in_the_service_s_order_with_keys_that_stay(anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "v2", "1")
    assert first == second, "one image under two tags is two commits"

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        rows = panel.commits.grid._rows
        tags, statuses, *_ = rows["columns"]
        assert (tags, statuses) == (["v2", "latest"], ["active", "active"])
        assert len(set(rows["keys"])) == 2
        click(panel.commits.grid, rows["keys"][1])
        assert panel.commit is not None
        assert panel.commit.tag == "latest"
        anna.push(name, "v3", "3")
        panel.refresh()
        await until(lambda: len(panel.commits.commits) == 3)
        assert panel.commits.grid.selected == rows["keys"][1]
        assert panel.commit.tag == "latest"

    asyncio.run(use())


def test_rows_are_no_part_of_the_state_that_a_notebook_saves(anna: Anna) -> None:
    name = anna.create(description="nothing for a file")

    async def use() -> None:
        panel = Panel()
        await until(lambda: name in names(panel))
        sent: list[dict[str, object]] = []
        panel.repositories.grid.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
        panel.repositories.grid._handle_custom_msg({"kind": "ready"}, [])
        assert "nothing for a file" in str(sent)
        assert "nothing for a file" not in str(panel.repositories.grid.get_state())

    asyncio.run(use())


def test_program_chooses_before_and_after_the_rows_are_there(anna: Anna) -> None:
    name, other = anna.create(), anna.create()
    digest = anna.push(name, "latest", "1")
    with Client() as client:
        repository, elsewhere = client.repository(f"elucidata/{name}"), client.repository(f"elucidata/{other}")
        (commit,) = client.commits(f"elucidata/{name}")

    async def use() -> None:
        panel = Panel()
        panel.repository = repository
        panel.commit = commit
        assert panel.reference == f"{repository.path}@{digest}"
        await until(lambda: panel.commits.commits and names(panel))
        assert panel.repositories.grid.selected == repository.path
        assert (panel.repository, panel.commit) == (repository, commit)
        panel.repository = elsewhere
        assert (panel.commit, panel.reference) == (None, "")
        with pytest.raises(traitlets.TraitError, match="no commit of the selected repository"):
            panel.commit = commit

    asyncio.run(use())


def test_choice_that_is_gone_is_none(anna: Anna) -> None:
    with Client() as client:
        repository = client.repository(f"elucidata/{anna.create()}")

    async def use() -> None:
        panel = Panel()
        await until(lambda: names(panel))
        panel.repository = repository
        panel.repositories.show([])
        assert (panel.repository, panel.commits.commits) == (None, [])

    asyncio.run(use())


def test_newer_choice_supersedes_the_older_answer(anna: Anna) -> None:
    slow, quick = anna.create(), anna.create()
    anna.push(slow, "slow", "1")
    anna.push(quick, "quick", "1")

    async def use() -> None:
        panel = Panel()
        await until(lambda: {slow, quick} <= {*names(panel)})
        for name in (slow, quick, slow, quick):
            click(panel.repositories.grid, f"{anna.registry}/elucidata/{name}")
        assert said(panel.commits.notice) == ["Loading commits ..."]
        await until(lambda: panel.commits.commits)
        await asyncio.sleep(0.5)
        assert [commit.tag for commit in panel.commits.commits] == ["quick"]

    asyncio.run(use())


def test_empty_repository_says_what_to_do(anna: Anna) -> None:
    name = anna.create()

    async def use() -> None:
        panel = Panel()
        assert panel.commits.grid.hint == "Select a repository to see what was pushed to it."
        await until(lambda: name in names(panel))
        click(panel.repositories.grid, f"{anna.registry}/elucidata/{name}")
        await until(lambda: not panel._history.busy)
        assert panel.commits.grid.hint.endswith(f"%polly_dockers push IMAGE elucidata/{name}:latest")

    asyncio.run(use())


def test_history_and_list_select_the_same(anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        commit = choose(panel, first)
        assert panel.history.commit == commit
        panel.history.commit = panel.commits.commits[0]
        assert panel.commit is not None
        assert panel.commit.commit_hash == second
        assert second in panel.commits.grid.selected

    asyncio.run(use())


def test_details_hold_the_image_and_until_when_it_was_active(anna: Anna) -> None:
    name = anna.create()
    first = anna.push(name, "latest", "1")
    anna.push(name, "latest", "2")

    async def use() -> None:
        panel = Panel()
        await opened(panel, name)
        choose(panel, first)
        await until(lambda: "Layers" in facts(panel))
        known = facts(panel)
        assert known["Full path"] == f"{anna.registry}/elucidata/{name}@{first}"
        assert " until " in known["Active"]
        assert known["Pushed by"] == "anna@elucidata.io"
        choose(panel, panel.commits.commits[0].commit_hash)
        assert facts(panel)["Active"].startswith("since ")

    asyncio.run(use())


def test_silent_service_is_an_error_of_two_lines_with_a_retry(anna: Anna, unused_port: int) -> None:
    name = anna.create()
    service = service_at(f"http://127.0.0.1:{unused_port}")
    gone = Client(Login(service, Secret("pk_nobody"), User("a@b.c", "elucidata", "member")), patience=0.2)

    async def use() -> None:
        panel = Panel(gone)
        await until(lambda: panel.repositories.notice.retry)
        assert said(panel.repositories.notice) == [
            f"http://127.0.0.1:{unused_port} does not answer: connection refused.",
            "Start it with: polly-dockers serve",
        ]
        assert is_shown(panel._choice)
        panel.client = Client()
        retry = panel.repositories.notice.retry
        assert retry is not None
        retry.click()
        assert said(panel.repositories.notice) == ["Loading repositories ..."]
        await until(lambda: name in names(panel))
        assert said(panel.repositories.notice) == []

    asyncio.run(use())


def test_program_without_an_event_loop_gets_its_answers_at_once(anna: Anna) -> None:
    name = anna.create()
    assert name in names(Panel())
