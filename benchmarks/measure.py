"""Take turns and compare: the machine's speed drifts, a ratio of neighbours does not."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Comparison:
    """What one run measured.

    Parameters
    ----------
    title : str
    unit : str
    ours, peer : float
        Medians, in `unit`.
    peer_name : str
    ratio : float
        Median of the pairwise ratios ours / peer.
    aim : str
        What the ratio should be.
    """

    title: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    spread: tuple[float, float]
    aim: str

    def __str__(self) -> str:
        low, high = self.spread
        return (
            f"{self.title:<44} {self.ours:>9.3g} {self.unit:<12} {self.peer_name} {self.peer:.3g}   "
            f"ratio {self.ratio:.2f} ({low:.2f} to {high:.2f})   aim {self.aim}"
        )


def compare(
    title: str,
    unit: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    peer_name: str,
    aim: str,
    rounds: int = 5,
) -> Comparison:
    """Measure both in turn, after one round that does not count.

    Parameters
    ----------
    ours, peer : callable
        Do the work once and return the figure in `unit`.
    rounds : int
        Counted rounds.
    """
    ours()
    peer()
    pairs = [(ours(), peer()) for _ in range(rounds)]
    ratios = [a / b for a, b in pairs]
    return Comparison(
        title,
        unit,
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        peer_name,
        statistics.median(ratios),
        (min(ratios), max(ratios)),
        aim,
    )


def table(comparisons: Sequence[Comparison]) -> str:
    """Return the lines to print."""
    return "\n".join(str(comparison) for comparison in comparisons)
