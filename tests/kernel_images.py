"""Images that a Jupyter kernel runs in, made from this machine's own Python through the sample: no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polly_magic.api import Client
from polly_magic.registry import RegistryClient
from polly_magic.sample import programs
from polly_magic.sample.bricks import ENTRY_POINT, FOR_PYTHON
from polly_magic.sample.images import Image, labels, put_image
from polly_magic.sample.notebook import notebook_images
from polly_magic.sample.report import report_images
from tests.local_service import run

if TYPE_CHECKING:
    from polly_magic.sample.bricks import Bricks
    from tests.anna import Anna

# What `assay.normalise(COUNTS)` is in the inactive commit and in the active one.
COUNTS = [10, 20, 70]
BY_SUM, BY_MEDIAN = [0.1, 0.2, 0.7], [0.5, 1.0, 3.5]


@dataclass(frozen=True)
class KernelImages:
    """A repository whose tag `latest` was pushed twice, with assay 1.0 and then with 1.1.

    Parameters
    ----------
    name : str
        ``elucidata/NAME``
    path : str
        The same with the registry's host.
    inactive, active : str
        Digests of both commits.
    without_ipykernel, without_python : str
        Digests of what lies under the tags `no-ipykernel` and `no-python`: Python alone, and a shell alone.
    """

    name: str
    path: str
    inactive: str
    active: str
    without_ipykernel: str
    without_python: str

    @property
    def digests(self) -> tuple[str, str, str, str]:
        return self.inactive, self.active, self.without_ipykernel, self.without_python

    def at(self, digest: str) -> str:
        """What to hand to Docker, and to our commands."""
        return f"{self.path}@{digest}"


def push_kernel_images(anna: Anna, bricks: Bricks, name: str) -> KernelImages:
    """Make the private repository ``elucidata/NAME`` and push all four.

    The environment has to be Anna's, as in each test that asks for `anna`. Takes half a second once the layers are
    built. The engine has none of them yet: see `pull`, and `tests.images.remove_repositories`.
    """
    path = f"elucidata/{name}"
    with Client() as client:
        client.create(path, description="a kernel, for a test")
        token = client.registry_token("pull,push", 600)
    by_sum, by_median = notebook_images(bricks)
    with RegistryClient(anna.registry, token.username, token.secret) as registry:
        return KernelImages(
            path,
            f"{anna.registry}/{path}",
            put_image(registry, path, "latest", by_sum),
            put_image(registry, path, "latest", by_median),
            put_image(registry, path, "no-ipykernel", _python_alone(bricks)),
            put_image(registry, path, "no-python", report_images(bricks)[0]),
        )


def pull(anna: Anna, *references: str) -> None:
    """Let the engine have images: a second or two for the first, next to nothing for one of the same layers."""
    for reference in references:
        run(anna.variables, "docker", "pull", "--quiet", reference)


def _python_alone(bricks: Bricks) -> Image:
    created = "2024-10-07T08:30:00Z"
    return Image(
        [bricks.shell, bricks.library, bricks.binaries, bricks.describe],
        programs.architecture(),
        created,
        ENTRY_POINT,
        ["python3", "/opt/describe.py"],
        FOR_PYTHON,
        labels("python", "1", "Python alone", created),
    )
