"""The engine's stream of events, as one bar a layer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Update", "follow", "ignore"]

Update = Callable[[str, int, int | None, str], None]
"""Is told name, bytes done, bytes in all (where known), and what is going on."""

_DONE = ("Pull complete", "Pushed", "Already exists", "Layer already exists", "Mounted from")
# Downloaded, but not unpacked: the bar is full and stays.
_FULL = ("Download complete", "Verifying Checksum")


def ignore(name: str, completed: int, total: int | None, note: str) -> None:
    """Show nothing."""


def follow(events: Iterable[dict[str, Any]], update: Update) -> tuple[str | None, str | None]:
    """Show events as they come, to their end.

    Parameters
    ----------
    events : iterable of dict
        As the engine sends them for a pull or a push.
    update : callable
        Is told the bar of each layer.

    Returns
    -------
    tuple
        The digest that the engine reports, and the message of its error; None for what it does not report.

    Examples
    --------
    >>> follow([
    ...     {"id": "b635968b6794", "status": "Downloading", "progressDetail": {"current": 5, "total": 9}},
    ...     {"id": "b635968b6794", "status": "Pull complete", "progressDetail": {}},
    ...     {"status": "Digest: sha256:57473163"},
    ... ], print)
    b635968b6794 5 9 Downloading
    b635968b6794 9 9 Pull complete
    ('sha256:57473163', None)
    """
    totals: dict[str, int] = {}
    digest: str | None = None
    failure: str | None = None
    for event in events:
        if message := event.get("error") or (event.get("errorDetail") or {}).get("message"):
            failure = failure or str(message)
            continue  # to the end, so that the connection is free again
        status = str(event.get("status", ""))
        digest = _digest(event, status) or digest
        layer = event.get("id")
        if not layer or status.startswith("Pulling from"):
            continue
        detail = event.get("progressDetail") or {}
        if detail.get("total"):
            totals[layer] = detail["total"]
        total = totals.get(layer)
        if status.startswith(_DONE):
            # A layer that was there already moves no bytes: a full bar of none.
            completed = total = total or 0
        elif status.startswith(_FULL):
            completed = total or 0
        else:
            # What the engine counts of a push includes the tar's own bytes, and so passes the total.
            completed = min(detail.get("current", 0), total) if total else detail.get("current", 0)
        update(str(layer), completed, total, status)
    return digest, failure


def _digest(event: dict[str, Any], status: str) -> str | None:
    reported = (event.get("aux") or {}).get("Digest")
    if reported:
        return str(reported)
    # "Digest: sha256:..." of a pull, "latest: digest: sha256:... size: 527" of a push
    words = status.split()
    for before, word in itertools.pairwise(words):
        if before.lower() == "digest:":
            return word
    return None
