"""`kernel` against the real service and the real engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from polly_magic.errors import EngineFailure, NotFound, UsageError
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import find_specs, install_spec
from tests.commands.faces import RecordingFace, run
from tests.images import remove_repositories
from tests.kernel_images import push_kernel_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from polly_magic.sample.bricks import Bricks
    from tests.anna import Anna
    from tests.kernel_images import KernelImages

IMAGE = "localhost:5000/elucidata/16june@sha256:" + 64 * "5"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep kernelspecs in a directory of the test's own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def images(anna: Anna, bricks: Bricks) -> Iterator[KernelImages]:
    """Images that the engine does not have yet."""
    images = push_kernel_images(anna, bricks, anna.create("kernel").replace("kernel", "fresh"))
    yield images
    remove_repositories(anna.variables, images.path)


@pytest.mark.engine
def test_install_pulls_the_image_and_makes_a_kernel_of_it(images: KernelImages, data: Path) -> None:
    face = RecordingFace(acts_at_once=False)
    name = images.name.partition("/")[2]
    (row,) = run(face, "kernel", "install", f"{name}@{images.inactive[7:15]}").records()
    assert row["name"] == f"polly-{name}-{images.inactive[7:14]}"
    assert row["display_name"] == f"Polly {name}@{images.inactive[7:14]}"
    assert row["image"] == images.at(images.inactive)
    assert row["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert row["directory"] == str(data / "kernels" / row["name"])
    assert face.titles == [f"Pulled {images.at(images.inactive)}"]
    assert f"jupyter console --kernel {row['name']}" in face.notes[-1]
    (listed,) = run(face, "kernel", "list").records()
    assert (listed["name"], listed["image"], listed["on_this_machine"]) == (row["name"], row["image"], True)


@pytest.mark.engine
def test_install_takes_down_what_was_asked_for(images: KernelImages, tmp_path: Path) -> None:
    options = ["--env", "PROJECT=june=16", "--env", "TOKEN", "--mount", f"{tmp_path}:/data:ro", "--memory", "2g"]
    options += ["--cpus", "1.5", "--gpus", "all", "--name", "june", "--display-name", "June, again"]
    run(RecordingFace(), "kernel", "install", images.name, *options)
    (spec,) = find_specs()
    assert (spec.name, spec.display_name) == ("june", "June, again")
    assert spec.settings == KernelSettings(
        images.at(images.active), "/usr/local/bin/python3", True, {"PROJECT": "june=16", "TOKEN": None},
        (f"{tmp_path}:/data:ro",), "2g", 1.5, "all",
    )  # fmt: skip


@pytest.mark.engine
def test_an_image_in_which_no_kernel_can_run_makes_none(images: KernelImages) -> None:
    with pytest.raises(EngineFailure, match="no ipykernel"):
        run(RecordingFace(), "kernel", "install", f"{images.name}:no-ipykernel")
    with pytest.raises(EngineFailure, match="no Python"):
        run(RecordingFace(), "kernel", "install", f"{images.name}:no-python")
    assert find_specs() == []


@pytest.mark.parametrize(
    "option",
    [
        ["--env", "A B=1"],
        ["--mount", "data:/data"],
        ["--memory", "much"],
        ["--cpus", "0"],
        ["--gpus", "-"],
        ["--name", "A B"],
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_pulled(anna: Anna, option: list[str]) -> None:
    name = anna.create()
    anna.push(name, "latest", "no image that could be pulled")
    face = RecordingFace()
    with pytest.raises(UsageError):
        run(face, "kernel", "install", name, *option)
    assert face.titles == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["install"], "takes one image"),
        (["install", "a", "b"], "takes one image"),
        (["remove"], "Which kernel?"),
        (["list", "june"], "takes no 'june'"),
        (["start"], "invalid choice: 'start'"),
        ([], "required"),
    ],
)
def test_words_that_are_missing_or_too_many_are_named(words: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(RecordingFace(), "kernel", *words)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("unconnected")
def test_list_tells_of_images_only_what_an_engine_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_spec("june", KernelSettings(IMAGE), "June")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")
    frame = run(RecordingFace(), "kernel", "list").frame()
    assert frame.to_dict("records")[0] | {"directory": ""} == {
        "name": "june", "display_name": "June", "image": IMAGE, "on_this_machine": None, "directory": "",
    }  # fmt: skip


def test_list_of_none_has_its_columns() -> None:
    frame = run(RecordingFace(), "kernel", "list").frame()
    assert [*frame.columns] == ["name", "display_name", "image", "on_this_machine", "directory"]
    assert frame.empty


def test_remove_takes_several_or_none_of_them() -> None:
    install_spec("june", KernelSettings(IMAGE), "June")
    install_spec("july", KernelSettings(IMAGE), "July")
    face = RecordingFace()
    with pytest.raises(NotFound, match="'august'"):
        run(face, "kernel", "remove", "june", "august")
    assert [spec.name for spec in find_specs()] == ["july", "june"]
    run(face, "kernel", "remove", "june", "july", "june")
    assert find_specs() == []
    assert face.notes == ["Removed june, july; the images stay."]
