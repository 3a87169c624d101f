"""What the sample organisation holds, and how it is pushed.

``16june`` has a tag that was pushed twice: a report, and the report corrected. ``docker_demo/cache`` is nested and
public. ``workbench`` is worth looking into: a Python with NumPy, then also pandas, for two platforms. In ``notebook`` a
Jupyter kernel can run, twice under one tag, with a package that gives other numbers the second time; it is left out
where ipykernel is not installed.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.errors import Conflict
from polly_magic.registry import RegistryClient
from polly_magic.sample import cache, notebook, report, workbench
from polly_magic.sample.bricks import KERNEL, Bricks
from polly_magic.sample.images import Image, index_digest, put_image, put_index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polly_magic.api import Client
    from polly_magic.models import Access

__all__ = ["Push", "push_sample"]

_TOKEN_LIFETIME = 600


@dataclass(frozen=True)
class Push:
    """One push of the sample: images for one or more platforms under some tags.

    Parameters
    ----------
    repository : str
        Name in the organisation.
    tags : sequence of str
    images : sequence of Image
    by_colleague : bool
        Whether the second user pushes it, where there is one.
    """

    repository: str
    tags: Sequence[str]
    images: Sequence[Image]
    by_colleague: bool = False

    @property
    def digest(self) -> str:
        """What the tags point at."""
        return index_digest(self.images) if len(self.images) > 1 else self.images[0].digest


_REPOSITORIES: dict[str, tuple[str, Access]] = {
    "16june": (report.DESCRIPTION, "private"),
    "docker_demo/cache": (cache.DESCRIPTION, "public"),
    "workbench": (workbench.DESCRIPTION, "private"),
}
if KERNEL:
    _REPOSITORIES["notebook"] = (notebook.DESCRIPTION, "private")


def push_sample(
    client: Client, colleague: Callable[[], Client] | None = None, note: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Create the repositories of the sample and push what is not there yet.

    Parameters
    ----------
    client : Client
        Of a user; the repositories come into being in this user's organisation.
    colleague : callable, optional
        Gives the client of another user of the same organisation, who pushes the first commits of ``16june`` and
        ``notebook``. Called only where there is something to push.
    note : callable, optional
        Is told each push.

    Returns
    -------
    list of str
        Full paths of the repositories.
    """
    organization = client.user.organization
    for name, (description, access) in _REPOSITORIES.items():
        with suppress(Conflict):
            client.create(f"{organization}/{name}", description=description, access=access)
    with tempfile.TemporaryDirectory(prefix="polly-sample-") as directory:
        for push in _pushes(Bricks(Path(directory))):
            path = f"{organization}/{push.repository}"
            if missing := _missing(client, path, push):
                pusher = colleague() if colleague and push.by_colleague else client
                _push(pusher, path, push, missing, note)
    return [f"{client.registry}/{organization}/{name}" for name in _REPOSITORIES]


def _missing(client: Client, path: str, push: Push) -> list[str]:
    # Pushing the first of two commits again would make it active again: what was once pushed stays as it is.
    there = {commit.tag for commit in client.commits(path, commit_hash=push.digest)}
    return [tag for tag in push.tags if tag not in there]


def _push(client: Client, path: str, push: Push, tags: Sequence[str], note: Callable[[str], None]) -> None:
    token = client.registry_token("pull,push", _TOKEN_LIFETIME)
    with RegistryClient(client.registry, token.username, token.secret) as registry:
        for tag in tags:
            if len(push.images) > 1:
                put_index(registry, path, tag, push.images)
            else:
                put_image(registry, path, tag, push.images[0])
            note(f"{client.registry}/{path}:{tag}  {push.digest}")


def _pushes(bricks: Bricks) -> list[Push]:
    published, corrected = report.report_images(bricks)
    numpy, pandas = workbench.workbench_images(bricks)
    pushes = [
        Push("16june", ["latest"], [published], by_colleague=True),
        Push("16june", ["latest"], [corrected]),
        Push("docker_demo/cache", ["latest"], [cache.cache_image(bricks)], by_colleague=True),
        Push("workbench", ["1.0"], numpy),
        Push("workbench", ["2.0", "latest"], pandas),
    ]
    if "notebook" in _REPOSITORIES:
        by_sum, by_median = notebook.notebook_images(bricks)
        pushes += [Push("notebook", ["latest"], [by_sum], by_colleague=True), Push("notebook", ["latest"], [by_median])]
    return pushes
