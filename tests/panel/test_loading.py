"""Work in other threads, answers on the main one."""

from __future__ import annotations

import asyncio
import threading

import pytest

from polly_magic.errors import NotFound, PollyError
from polly_magic.panel.loading import Job, Loading
from tests.panel.driving import until


def fail(error: PollyError) -> None:
    raise AssertionError(error)


def test_work_is_done_elsewhere_and_answered_here() -> None:
    async def use() -> None:
        loading = Loading()
        threads: list[threading.Thread] = []
        answers: list[int] = []

        def work(_: Job[int]) -> int:
            threads.append(threading.current_thread())
            return 7

        def done(answer: int) -> None:
            threads.append(threading.current_thread())
            answers.append(answer)

        loading.start(work, done, fail)
        assert loading.busy
        await until(lambda: answers)
        assert answers == [7]
        assert threads[0] is not threading.main_thread()
        assert threads[1] is threading.main_thread()
        assert not loading.busy

    asyncio.run(use())


def test_superseded_answer_is_dropped_though_it_comes_later() -> None:
    async def use() -> None:
        loading = Loading()
        release = threading.Event()
        finished = threading.Event()
        answers: list[str] = []

        def slow(_: Job[str]) -> str:
            release.wait(10)
            finished.set()
            return "old"

        loading.start(slow, answers.append, fail)
        loading.start(lambda _: "new", answers.append, fail)
        await until(lambda: answers)
        release.set()
        await until(finished.is_set)
        await asyncio.sleep(0.1)
        assert answers == ["new"]

    asyncio.run(use())


def test_cancelled_work_ends_at_its_next_check_and_tells_nobody() -> None:
    async def use() -> None:
        loading = Loading()
        going, ended = threading.Event(), threading.Event()

        def work(job: Job[None]) -> None:
            try:
                while True:
                    going.set()
                    job.check()
            finally:
                ended.set()

        loading.start(work, fail, fail)  # type: ignore[arg-type]
        await until(going.is_set)
        loading.cancel()
        await until(ended.is_set)
        assert not loading.busy

    asyncio.run(use())


def test_error_is_told_here() -> None:
    async def use() -> None:
        loading = Loading()
        errors: list[PollyError] = []

        def work(_: Job[None]) -> None:
            raise NotFound("No such thing.", "Look elsewhere.")

        loading.start(work, lambda _: None, errors.append)
        await until(lambda: errors)
        assert isinstance(errors[0], NotFound)

    asyncio.run(use())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_mistake_of_ours_leaves_nobody_waiting() -> None:
    async def use() -> None:
        loading = Loading()
        errors: list[PollyError] = []
        loading.start(lambda _: 1 // 0, lambda _: None, errors.append)
        await until(lambda: errors)
        assert errors[0].problem == "This went wrong unexpectedly: ZeroDivisionError."
        assert not loading.busy

    asyncio.run(use())
