"""Work off the kernel's main thread, whose answers come back to it: traits change there and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from polly_magic.errors import PollyError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Cancelled", "Job", "Loading"]

T = TypeVar("T")

# A reader who runs down a list with the arrow keys starts many jobs; those that wait here and are superseded meanwhile
# never ask the service.
_SLOTS = threading.Semaphore(4)


class Cancelled(Exception):  # noqa: N818 - no error: what stops work that nobody waits for any more
    """Raised by `Job.check` in the working thread."""


@dataclass(eq=False)
class Job(Generic[T]):
    """One piece of work.

    Parameters
    ----------
    done : callable
        Is given the answer, on the main thread.
    failed : callable
        Is given the error, on the main thread.
    loop : asyncio.AbstractEventLoop, optional
        Of the main thread; without one there is only this thread.
    """

    done: Callable[[T], None]
    failed: Callable[[PollyError], None]
    loop: asyncio.AbstractEventLoop | None
    cancelled: bool = False

    def check(self) -> None:
        """Leave the work where it is cancelled. Called by the work itself, between two steps."""
        if self.cancelled:
            raise Cancelled

    def tell(self, change: Callable[[], None]) -> None:
        """Do `change` on the main thread, unless the work is cancelled before. Called by the work itself."""
        if self.loop is None:
            change()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(lambda: None if self.cancelled else change())


class Loading:
    """A place for one piece of work: a newer one supersedes the older, whose answer is dropped.

    Without a running event loop, as in a plain program, the work is done at once.
    """

    def __init__(self) -> None:
        self._job: Job[Any] | None = None
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._job is not None

    def start(
        self, work: Callable[[Job[T]], T], done: Callable[[T], None], failed: Callable[[PollyError], None]
    ) -> None:
        """Do `work` in another thread, then `done` or `failed` on this one, unless something supersedes it."""
        self.cancel()
        job = Job(done, failed, self._loop)
        self._job = job
        if self._loop is None:
            self._run(work, job)
        else:
            # A daemon, so that a service that does not answer keeps no kernel from ending.
            threading.Thread(target=self._wait_and_run, args=(work, job), name="polly-panel", daemon=True).start()

    def cancel(self) -> None:
        """Drop what is under way; the work itself ends at its next check."""
        if self._job:
            self._job.cancelled = True
            self._job = None

    def _wait_and_run(self, work: Callable[[Job[T]], T], job: Job[T]) -> None:
        with _SLOTS:
            if not job.cancelled:
                self._run(work, job)

    def _run(self, work: Callable[[Job[T]], T], job: Job[T]) -> None:
        try:
            answer = work(job)
        except Cancelled:
            return
        except PollyError as error:
            self._tell_failure(job, error)
        except Exception as error:
            # A mistake of ours: its traceback goes where a thread's does, and the reader does not wait for ever.
            self._tell_failure(job, PollyError(f"This went wrong unexpectedly: {type(error).__name__}.", "Try again."))
            raise
        else:
            self._deliver(job, lambda: job.done(answer))

    def _tell_failure(self, job: Job[T], error: PollyError) -> None:
        self._deliver(job, lambda: job.failed(error))

    def _deliver(self, job: Job[T], answer: Callable[[], None]) -> None:
        def finish() -> None:
            self._job = None
            answer()

        job.tell(finish)
