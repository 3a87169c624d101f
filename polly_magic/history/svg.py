"""The picture of a notebook: SVG that stands in HTML.

Text and lines are in the colour of the page's text, and fills are tints of the two colours of the tag status: so it
can be read on light and on dark, whichever theme the front end has, without asking for it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from polly_magic.history.axis import Axis, place, ticks
from polly_magic.history.words import amount, left_out, plain, said, short_digest, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from polly_magic.history.lanes import Lane, Segment
    from polly_magic.history.timeline import Timeline
    from polly_magic.models import Commit

__all__ = ["svg"]

WIDTH = 760.0
MOST_LANES = 12
MOST_SEGMENTS = 60  # of the least width they leave room for long ones in the shortest lane
LEAST = 6.0

_HEADER = 30.0
_LANE = 28.0
_BAR = 20.0
_GAP = 1.0
_RIGHT = WIDTH - 20
_LABEL_MOST = 24
_CHARACTER = 7.3
_SMALL_CHARACTER = 6.7
_PADDING = 8.0
_TICK_ROOM = 76.0
_NOW_ROOM = 46.0

# A colour mixed with that of the text gets darker on light pages and lighter on dark ones.
_STYLE = """
.polly-history { display: block; max-width: 100%; height: auto; color: var(--jp-content-font-color1, currentColor);
  font: 12px var(--jp-ui-font-family, system-ui, sans-serif); }
.polly-history text { fill: currentColor; }
.polly-history .code { font-family: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace); }
.polly-history .small { font-size: 11px; }
.polly-history .faint { opacity: 0.75; }
.polly-history .name { font-weight: 600; }
.polly-history .line { stroke: currentColor; stroke-opacity: 0.14; }
.polly-history .active rect { fill: rgba(46, 160, 67, 0.3); stroke: #2ea043;
  stroke: color-mix(in srgb, #2ea043 75%, currentColor); }
.polly-history .inactive rect { fill: rgba(214, 168, 0, 0.3); stroke: #b58900;
  stroke: color-mix(in srgb, #c79a00 70%, currentColor); }
.polly-history .earlier rect { fill: none; stroke: currentColor; stroke-opacity: 0.6; stroke-dasharray: 2 2; }
.polly-history g text { pointer-events: none; }
.polly-history .segment:hover rect { stroke-width: 2; }
"""


def svg(history: Timeline, keys: Mapping[Commit, str]) -> str:
    """Draw a history.

    Parameters
    ----------
    history : Timeline
    keys : mapping of Commit to str
        What an element of a commit says as ``data-key``.

    Returns
    -------
    str
        Well-formed XML. Whatever came from the service is escaped.
    """
    drawn, rest = history.lanes[:MOST_LANES], history.lanes[MOST_LANES:]
    labels = [shortened(plain(lane.tag), _LABEL_MOST) for lane in drawn]
    left = max(100.0, _CHARACTER * max(map(len, labels), default=0)) + 2 * _PADDING
    bottom = _HEADER + _LANE * max(1, len(drawn))
    height = bottom + (24 if drawn else 0) + (20 if rest else 0)
    title = escape(f"History of {plain(history.path)}" if history.path else "History")
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="polly-history" role="img"',
        f' aria-label="{title}: {history.summary}"',
        f' width="{WIDTH:g}" height="{height:g}" viewBox="0 0 {WIDTH:g} {height:g}">',
        f"<style>{_STYLE}</style>",
        _text(_PADDING, 18, shortened(plain(history.path), 72), "name"),
    ]
    if not drawn:
        return "".join([*parts, _text(_PADDING, _HEADER + 12, "No commits yet", "faint"), "</svg>"])
    axis = Axis(history.begin, history.end, left, _RIGHT)
    parts += [*_legend(), *_axis(axis, bottom)]
    for number, (lane, label) in enumerate(zip(drawn, labels, strict=True)):
        middle = _HEADER + _LANE * (number + 0.5)
        tag = _text(left - _PADDING, middle + 4, label, "code", anchor="end", title=plain(lane.tag))
        parts += [tag, '<g class="lane">', *_lane(lane, axis, middle, keys), "</g>"]
    if rest:
        parts.append(_text(left, bottom + 38, left_out(rest), "small faint"))
    return "".join([*parts, "</svg>"])


def _legend() -> Iterator[str]:
    for x, status in ((WIDTH - 140, "active"), (WIDTH - 76, "inactive")):
        yield f'<g class="{status}"><rect x="{x:g}" y="8.5" width="11" height="11" rx="2"/></g>'
        yield _text(x + 16, 18, status, "small")


def _axis(axis: Axis, bottom: float) -> Iterator[str]:
    caption, found = ticks(axis.begin, axis.end, int((axis.right - axis.left) / _TICK_ROOM))
    yield _text(axis.left - _PADDING, bottom + 18, caption, "small faint", anchor="end")
    yield f'<path class="line" fill="none" d="M{axis.left:.1f} {bottom + 0.5:g}H{axis.right:.1f}"/>'
    for tick in found:
        x = axis.at(tick.moment)
        if x >= axis.right - _NOW_ROOM:
            continue
        yield f'<path class="line" d="M{x:.1f} {_HEADER:g}V{bottom + 5:g}"/>'
        # Centred below its line, but not into what stands to the left of the axis.
        half = len(tick.label) * _SMALL_CHARACTER / 2
        yield _text(max(x, axis.left + half), bottom + 18, tick.label, "small faint", anchor="middle")
    yield f'<path class="line" d="M{axis.right:.1f} {_HEADER:g}V{bottom + 5:g}"/>'
    yield _text(axis.right, bottom + 18, "now", "small faint", anchor="middle")


def _lane(lane: Lane, axis: Axis, middle: float, keys: Mapping[Commit, str]) -> Iterator[str]:
    segments: Sequence[Segment] = lane.segments
    earlier, segments = segments[:-MOST_SEGMENTS], segments[-MOST_SEGMENTS:]
    spans = [(axis.at(segment.start), axis.at(segment.end)) for segment in segments]
    if earlier:
        spans.insert(0, (axis.at(earlier[0].start), axis.at(earlier[-1].end)))
    places = place(spans, axis.left, axis.right, LEAST)
    if earlier:
        title = escape(f"{amount(len(earlier), 'earlier commit')} of {plain(lane.tag)}")
        yield f'<g class="earlier"><title>{title}</title>{_bar(places.pop(0), middle)}</g>'
    for segment, (begin, end) in zip(segments, places, strict=True):
        key = f' data-key="{escape(keys[segment.commit])}"' if segment.commit in keys else ""
        yield f'<g class="segment {segment.commit.tag_status}"{key}><title>{escape(said(segment))}</title>'
        yield _bar((begin, end), middle)
        digest = short_digest(segment)
        if end - begin >= len(digest) * _SMALL_CHARACTER + _PADDING:
            yield _text((begin + end) / 2, middle + 4, digest, "code small", anchor="middle")
        yield "</g>"


def _bar(span: tuple[float, float], middle: float) -> str:
    begin, end = span
    return (
        f'<rect x="{begin + _GAP / 2:.1f}" y="{middle - _BAR / 2:g}" width="{end - begin - _GAP:.1f}" '
        f'height="{_BAR:g}" rx="2"/>'
    )


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "", title: str = "") -> str:
    anchor = anchor and f' text-anchor="{anchor}"'
    title = title and f"<title>{escape(title)}</title>"
    return f'<text x="{x:.1f}" y="{y:g}" class="{kind}"{anchor}>{title}{escape(text)}</text>'
