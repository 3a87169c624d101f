"""Every error that a user can cause.

The tree::

    PollyError
    ├── UsageError              a command was written wrongly (exit status 2 in a terminal)
    │   └── InvalidReference    text that is no Docker reference, with the position of the bad character
    ├── NotLoggedIn             no key, an expired key, or one that the service does not know
    ├── NotFound                no such repository, tag, commit or digest (or no access to it)
    ├── Ambiguous               a short digest or name that fits several
    ├── Conflict                what should be created exists already
    ├── Forbidden               known, but not allowed
    ├── Rejected                the service refused a value (its message says which)
    ├── ServiceUnavailable      nobody answers, or not in time
    ├── ServiceFailure          the service answered, but not as the contract says
    │   └── StorageFull         the service has no room for what is pushed
    ├── EngineUnavailable       no Docker engine, or no permission to use it
    ├── EngineFailure           the Docker engine refused or failed
    ├── WrongEnvironment        this kernel does not run in the image that the notebook needs
    │   └── UnknownEnvironment  it cannot be told whether it does
    └── StoreUnusable           the service's own files: damaged, newer than the program, or in use

An error carries what was wrong (``problem``) and what to do next (``remedy``). A notebook shows these two
lines and no traceback; a terminal prints them to stderr.
"""

from __future__ import annotations

import traceback

__all__ = [
    "Ambiguous",
    "Conflict",
    "EngineFailure",
    "EngineUnavailable",
    "Forbidden",
    "InvalidReference",
    "NotFound",
    "NotLoggedIn",
    "PollyError",
    "Rejected",
    "ServiceFailure",
    "ServiceUnavailable",
    "StorageFull",
    "StoreUnusable",
    "UnknownEnvironment",
    "UsageError",
    "WrongEnvironment",
]


class PollyError(Exception):
    """Something a user can put right.

    Parameters
    ----------
    problem : str
        What was wrong, with the offending value.
    remedy : str
        What to do next; one sentence, a command where there is one.

    Examples
    --------
    >>> print(PollyError("No repository 'elucidata/17june'.", "See %polly_dockers list --all"))
    No repository 'elucidata/17june'.
    See %polly_dockers list --all
    """

    exit_status = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy
        self.debug = False
        """Set by a face whose user asked for ``--debug``: show the traceback after all."""

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}" if self.remedy else self.problem

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this; nbclient still sees an error, the reader sees two lines.
        if self.debug:
            return "".join(traceback.format_exception(self)).splitlines()
        return [f"{type(self).__name__}: {self.problem}", *([self.remedy] if self.remedy else [])]


class UsageError(PollyError):
    """A command was written wrongly."""

    exit_status = 2


class InvalidReference(UsageError):
    """Text that is no Docker reference.

    Parameters
    ----------
    text : str
        The text as it was given.
    position : int
        Index into `text` of the first character that cannot stand there (``len(text)`` where something is missing).
    reason : str
        What is wrong at that place.
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        # One column a character, nothing that a terminal would act on, and of a long text what is around the place.
        begin = max(0, position - 60)
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[begin : position + 20])
        super().__init__(
            f"This is no image reference: {reason} (position {position}).\n  {shown}\n  {' ' * (position - begin)}^",
            "A reference looks like 16june, elucidata/16june:latest or elucidata/16june@sha256:5747316b...",
        )
        self.text = text
        self.position = position
        self.reason = reason


class NotLoggedIn(PollyError):
    """No key, an expired key, or one that the service does not know."""


class NotFound(PollyError):
    """No such repository, tag, commit or digest, or no access to it."""


class Ambiguous(PollyError):
    """A short digest or name that fits several."""


class Conflict(PollyError):
    """What should be created exists already."""


class Forbidden(PollyError):
    """Known, but not allowed."""


class Rejected(PollyError):
    """The service refused a value."""


class ServiceUnavailable(PollyError):
    """Nobody answers, or not in time."""


class ServiceFailure(PollyError):
    """The service answered, but not as the contract says."""


class StorageFull(ServiceFailure):
    """The service has no room for what is pushed."""


class EngineUnavailable(PollyError):
    """No Docker engine, or no permission to use it."""


class EngineFailure(PollyError):
    """The Docker engine refused or failed."""


class WrongEnvironment(PollyError):
    """The kernel does not run in the image that the notebook needs."""


class UnknownEnvironment(WrongEnvironment):
    """It cannot be told whether this kernel runs in the image that the notebook needs."""


class StoreUnusable(PollyError):
    """The service's own files are damaged, newer than the program, or in use."""
