"""Kernelspecs where Jupyter looks for them."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from polly_magic.errors import Conflict, NotFound, PollyError, UsageError
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import find_specs, get_spec, install_spec, remove_spec

SETTINGS = KernelSettings("localhost:5000/elucidata/16june@sha256:" + 64 * "5", "/usr/bin/python3", memory="4g")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep kernelspecs in a directory of the test's own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return tmp_path / "data"


def test_jupyter_finds_what_was_installed(data: Path) -> None:
    spec = install_spec("june", SETTINGS, "Polly 16june@5555555")
    found = KernelSpecManager().get_kernel_spec("june")
    assert found.display_name == "Polly 16june@5555555"
    assert found.interrupt_mode == "signal"
    assert found.metadata["kernel_provisioner"] == {
        "provisioner_name": "polly-container",
        "config": {"container": SETTINGS.to_config()},
    }
    file = data / "kernels" / "june" / "kernel.json"
    assert found.argv == [sys.executable, "-m", "polly_magic.kernels", str(file), "{connection_file}"]
    assert Path(found.resource_dir, "logo-svg.svg").read_text().startswith("<svg")
    assert find_specs() == [spec]


def test_only_its_owner_reads_it_since_a_variable_may_be_a_secret(data: Path) -> None:
    install_spec("june", SETTINGS, "June")
    assert stat.S_IMODE((data / "kernels" / "june" / "kernel.json").stat().st_mode) == 0o600


def test_one_of_ours_takes_the_place_of_an_older_one() -> None:
    install_spec("june", SETTINGS, "June")
    install_spec("june", KernelSettings(SETTINGS.image), "June, with all the memory")
    (spec,) = find_specs()
    assert spec.display_name == "June, with all the memory"
    assert spec.settings == KernelSettings(SETTINGS.image)


def test_another_kernel_of_that_name_stays(data: Path) -> None:
    other = data / "kernels" / "june"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(json.dumps({"argv": ["r"], "display_name": "R", "language": "R"}))
    with pytest.raises(Conflict, match="another kernel 'june'"):
        install_spec("june", SETTINGS, "June")
    with pytest.raises(NotFound, match="'june'; there is none yet"):
        get_spec("june")
    assert json.loads((other / "kernel.json").read_text())["display_name"] == "R"


@pytest.mark.parametrize("name", ["", "Two Words", "../june", "j/une", "June", "jüne"])
def test_a_name_that_jupyter_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a kernel"):
        install_spec(name, SETTINGS, "June")
    assert find_specs() == []


def test_one_for_an_environment_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = install_spec("june", SETTINGS, "June", sys_prefix=True)
    assert spec.directory == tmp_path / "environment" / "share" / "jupyter" / "kernels" / "june"
    assert json.loads((spec.directory / "kernel.json").read_text())["argv"][3] == str(spec.directory / "kernel.json")


def test_a_directory_that_cannot_be_written_is_named(data: Path) -> None:
    data.parent.joinpath("data").write_text("a file where a directory should be")
    with pytest.raises(PollyError, match="cannot be written into"):
        install_spec("june", SETTINGS, "June")


def test_removing_takes_all_of_it_and_tells_what_there_is(data: Path) -> None:
    install_spec("june", SETTINGS, "June")
    install_spec("july", SETTINGS, "July")
    remove_spec(get_spec("june"))
    assert [*(data / "kernels").iterdir()] == [data / "kernels" / "july"]
    with pytest.raises(NotFound, match="'june'; there is july"):
        get_spec("june")


def test_one_that_was_spoilt_by_hand_is_listed_and_can_be_removed(data: Path) -> None:
    file = install_spec("june", SETTINGS, "June").directory / "kernel.json"
    spec = json.loads(file.read_text())
    spec["metadata"]["kernel_provisioner"]["config"]["container"]["image"] = "16june"
    file.write_text(json.dumps(spec))
    (found,) = find_specs()
    assert (found.name, found.display_name, found.settings) == ("june", "June", None)
    remove_spec(found)
    assert find_specs() == []
