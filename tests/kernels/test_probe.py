"""Which of an image's programs can be a kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polly_magic.api import Client
from polly_magic.engine import Engine
from polly_magic.errors import EngineFailure
from polly_magic.kernels.probe import find_python
from polly_magic.references import parse
from polly_magic.registry import RegistryClient
from polly_magic.sample.images import put_image
from polly_magic.sample.notebook import notebook_images
from polly_magic.sample.programs import PYTHON
from tests.images import remove_repositories
from tests.kernel_images import pull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polly_magic.references import Reference
    from polly_magic.sample.bricks import Bricks
    from tests.anna import Anna
    from tests.kernel_images import KernelImages

pytestmark = pytest.mark.engine

_KEEPS_SIGNALS_TO_ITSELF = ["/bin/sh", "-c", '"$0" "$@"; exit $?']


@pytest.fixture
def engine(anna: Anna) -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


def test_finds_the_python_that_has_ipykernel(engine: Engine, pulled_kernel_images: KernelImages) -> None:
    images = pulled_kernel_images
    found = find_python(engine, parse(images.at(images.active)))
    assert found.python == "/usr/local/bin/python3"
    assert found.entry_point
    assert f"python{found.version}".startswith(PYTHON)
    assert int(found.ipykernel.partition(".")[0]) >= 6


def test_one_that_is_named_is_the_one_that_is_taken(engine: Engine, pulled_kernel_images: KernelImages) -> None:
    image = parse(pulled_kernel_images.at(pulled_kernel_images.active))
    assert find_python(engine, image, f"/usr/local/bin/{PYTHON}").python == f"/usr/local/bin/{PYTHON}"
    with pytest.raises(EngineFailure, match=r"has no /opt/python that starts"):
        find_python(engine, image, "/opt/python")


def test_an_image_without_ipykernel_is_told_how_to_get_it(engine: Engine, pulled_kernel_images: KernelImages) -> None:
    images = pulled_kernel_images
    with pytest.raises(EngineFailure) as caught:
        find_python(engine, parse(images.at(images.without_ipykernel)))
    assert f"kernel@{images.without_ipykernel[7:14]} has /usr/local/bin/python3 (3." in caught.value.problem
    assert "but no ipykernel" in caught.value.problem
    assert "RUN /usr/local/bin/python3 -m pip install ipykernel" in caught.value.remedy


def test_an_image_without_python_is_told_so(engine: Engine, pulled_kernel_images: KernelImages) -> None:
    images = pulled_kernel_images
    with pytest.raises(EngineFailure) as caught:
        find_python(engine, parse(images.at(images.without_python)))
    assert caught.value.problem.endswith("has no Python that starts: no notebook can run in it.")
    assert "--python" in caught.value.remedy


@pytest.fixture
def with_entry_point(anna: Anna, bricks: Bricks) -> Iterator[Callable[..., Reference]]:
    """Push and pull an image with an entry point of one's own."""
    name = anna.create("entry")

    def made(*entry_point: str) -> Reference:
        with Client() as client:
            token = client.registry_token("pull,push", 600)
        with RegistryClient(anna.registry, token.username, token.secret) as registry:
            image = replace(notebook_images(bricks)[0], entry_point=entry_point)
            digest = put_image(registry, f"elucidata/{name}", "latest", image)
        path = f"{anna.registry}/elucidata/{name}"
        pull(anna, f"{path}@{digest}")
        return parse(f"{path}@{digest}")

    yield made
    remove_repositories(anna.variables, f"{anna.registry}/elucidata/{name}")


@pytest.mark.parametrize(
    ("entry_point", "kept"),
    [
        ((), True),
        (("/bin/sh", "-c", 'exec "$0" "$@"'), True),
        # It prints the question instead of asking it.
        (("/bin/cat",), False),
        (("/nowhere/start.sh",), False),
        # A kernel behind it could not be interrupted.
        (tuple(_KEEPS_SIGNALS_TO_ITSELF), False),
    ],
)
def test_an_entry_point_stays_where_a_kernel_can_live_behind_it(
    engine: Engine, with_entry_point: Callable[..., Reference], entry_point: tuple[str, ...], kept: bool
) -> None:
    found = find_python(engine, with_entry_point(*entry_point))
    assert (found.python, found.entry_point) == ("/usr/local/bin/python3", kept)
