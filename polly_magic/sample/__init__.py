"""The sample organisation of the tour: repositories to look at, made of files that are on this machine anyway.

``python -m polly_magic.sample`` pushes it to the service that is logged in to, without a Docker engine. The same
machine gives the same digests, so a second run adds nothing.
"""

from polly_magic.sample.organization import push_sample

__all__ = ["push_sample"]
