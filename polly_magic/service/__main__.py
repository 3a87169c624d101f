"""``python -m polly_magic.service``: what `ensure_running` starts in the background."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from polly_magic.errors import PollyError
from polly_magic.service.config import Config
from polly_magic.service.serving import run


def main() -> int:
    """Serve on loopback until told to end."""
    parser = argparse.ArgumentParser(prog="python -m polly_magic.service")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--organization")
    parser.add_argument("--email")
    arguments = parser.parse_args()
    try:
        run(Config(arguments.data, organization=arguments.organization, email=arguments.email))
    except PollyError as error:
        print(error, file=sys.stderr)  # noqa: T201 - into the log file, whose last lines the starter shows
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
