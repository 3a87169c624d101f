"""The history of a repository's tags: lanes of commits, and pictures of them."""

from __future__ import annotations

from polly_magic.history.lanes import Lane, Segment, lanes
from polly_magic.history.picture import History, draw

__all__ = ["History", "Lane", "Segment", "draw", "lanes"]
