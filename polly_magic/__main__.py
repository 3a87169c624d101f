"""``python -m polly_magic``: the program ``polly-dockers``, where it is not on PATH."""

import sys

from polly_magic.terminal import main

sys.exit(main())
