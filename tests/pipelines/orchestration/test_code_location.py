"""Processes that are started import our packages, whatever lies in the folder that they work in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.orchestration.code_location import SOURCE_FOLDER, import_environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a package of the same name as one of ours."""
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "__init__.py").touch()
    return tmp_path


def imported(folder: Path, environment: dict[str, str]) -> str:
    """Return the folder that a process working in `folder` imports the package `features` from."""
    command = [sys.executable, "-c", "import features; print(features.__file__)"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return str(Path(done.stdout.strip()).parents[1])


def test_a_started_process_imports_our_packages_and_not_those_of_its_folder(folder: Path) -> None:
    assert imported(folder, os.environ | import_environment()) == str(SOURCE_FOLDER)


def test_without_that_environment_the_package_of_the_folder_is_found(folder: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    assert imported(folder, plain) == str(folder)
