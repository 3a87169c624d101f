"""Docker repositories on Polly, in a notebook.

``%load_ext polly_magic`` gives ``%polly_dockers``. From Python: ``from polly_magic import Client, Panel,
PollyError, Reference``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from polly_magic.api import Client
    from polly_magic.errors import PollyError
    from polly_magic.panel import Panel
    from polly_magic.references import Reference

__all__ = ["Client", "Panel", "PollyError", "Reference", "load_ipython_extension", "unload_ipython_extension"]

# Imported when first asked for, so that `%load_ext` and `docker-credential-polly` start at once.
_HOMES = {
    "Client": "polly_magic.api",
    "Panel": "polly_magic.panel",
    "PollyError": "polly_magic.errors",
    "Reference": "polly_magic.references",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%polly_dockers`` to a shell: what ``%load_ext polly_magic`` calls."""
    from polly_magic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take away whatever `load_ipython_extension` added."""
    from polly_magic.magics import unload

    unload(shell)
