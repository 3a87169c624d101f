"""Jupyter's trust in a notebook: it is of the file as it stands, so that a change of ours takes it away."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["is_trusted", "sign"]


def is_trusted(text: str) -> bool:
    """Whether Jupyter runs the output of this notebook, HTML and JavaScript, without asking."""
    import nbformat
    from jupyter_core.paths import jupyter_data_dir

    if not Path(jupyter_data_dir(), "nbsignatures.db").exists():
        return False  # nothing was ever trusted here, and asking would make the file
    with _notary() as notary:
        try:
            return bool(notary.check_signature(_read(text)))
        # What nbformat raises for a notebook that is damaged: nobody ever opened that, and so nobody trusts it.
        except (nbformat.ValidationError, ValueError, TypeError, KeyError, AttributeError):
            return False


def sign(text: str) -> None:
    """Let Jupyter trust this notebook, as ``jupyter trust`` does."""
    with _notary() as notary:
        notary.sign(_read(text))


@contextmanager
def _notary() -> Generator[Any]:
    from nbformat.sign import NotebookNotary

    notary: Any = NotebookNotary()
    try:
        yield notary
    finally:
        notary.store.close()


def _read(text: str) -> Any:
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the notebook's style, which is not ours to judge
        return nbformat.reads(text, as_version=4)
