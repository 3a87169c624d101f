"""The panel: pick a repository, a commit, and get the cell."""

from polly_magic.panel.panel import Panel

__all__ = ["Panel"]
