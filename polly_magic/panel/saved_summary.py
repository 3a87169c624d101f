"""A summary of the panel in the notebook's file, for whoever opens it when no kernel runs the panel any more."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

__all__ = ["SavedSummary"]


class SavedSummary(anywidget.AnyWidget):
    """Keeps `html` in the notebook that shows the panel. Invisible, and to be displayed with the panel.

    Parameters
    ----------
    panel : str
        Id of the panel's model.
    """

    _esm = Path(__file__).with_name("saved_summary.js")
    panel = traitlets.Unicode().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
