"""``python -m polly_magic.sample``: push the sample to the service that is logged in to."""

from __future__ import annotations

import sys

from polly_magic.api import Client
from polly_magic.errors import PollyError
from polly_magic.sample.organization import push_sample


def main() -> int:
    """Push it, and say each push."""
    try:
        with Client() as client:
            paths = push_sample(client, note=print)
    except PollyError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's output
        return error.exit_status
    print(f"The sample is there: {', '.join(paths)}")  # noqa: T201 - a program's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
