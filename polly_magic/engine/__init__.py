"""The Docker engine: pull, push and run, with one progress bar a layer.

Nothing else imports the Docker SDK; import this package only where an engine is about to be used.
"""

from __future__ import annotations

from polly_magic.engine.engine import Credentials, Engine, Pulled

__all__ = ["Credentials", "Engine", "Pulled"]
