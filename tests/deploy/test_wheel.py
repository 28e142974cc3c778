"""The wheel: it has every file that the packages read, and a newcomer who has only the wheel runs the main job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent_serving", "features", "federated", "installation", "pipelines", "privacy")
MANUAL = ("README.md", "docs", "deploy")
UNDECLARED = "privacy/planted.unknown"
"""A file that no pattern of pyproject.toml takes: the negative control."""


def source_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def uv_or_pip(uv: list[str], pip: list[str]) -> None:
    """Run uv, or pip where uv is missing or does not know the registry that pip knows.

    Without the network first: a registry that does not say how long its answers hold makes uv fetch and build pyspark's
    source distribution anew each time, and keep every copy (1.4 GB) in its cache.
    """
    program = Path(sys.executable).with_name("uv")
    for network in (["--offline"], []) if program.exists() else ():
        if subprocess.run([str(program), *network, *uv], capture_output=True, check=False).returncode == 0:
            return
    done = subprocess.run([sys.executable, "-m", "pip", *pip], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the files that git knows and of one that is not declared."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in source_files():
        if name.split("/")[0] in (*PACKAGES, *MANUAL) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    (source / UNDECLARED).touch()
    place = ["--wheel", "-q", "--out-dir", str(out), str(source)]
    uv_or_pip(["build", *place], ["wheel", "-q", "--no-deps", "-w", str(out), str(source)])
    (built,) = out.glob("*.whl")
    return built


def missing(wheel: Path, files: list[str]) -> list[str]:
    """Return the files that a wheel lacks, in the packages or in the manual."""
    with ZipFile(wheel) as archive:
        there = {name.partition("/share/doc/bojagi/")[2] or name for name in archive.namelist()}
    return [name for name in files if name not in there]


def test_the_wheel_has_every_file_of_the_packages_and_of_the_manual(wheel: Path) -> None:
    wanted = [name for name in source_files() if name.split("/")[0] in (*PACKAGES, *MANUAL) and "/images/" not in name]
    assert missing(wheel, [*wanted, UNDECLARED]) == [UNDECLARED]


def test_a_site_with_the_wheel_approves_the_same_federated_app_as_one_with_the_source(
    wheel: Path, tmp_path: Path
) -> None:
    build = pytest.importorskip("flwr.cli.build")
    from federated.deployment.approved_app import approved_bundle

    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    assert sha256(build.build_fab_from_disk(tmp_path / "federated")).hexdigest() == approved_bundle()


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of a new environment in which the wheel was installed with the locked versions, and nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    named = ["--python", str(folder / "bin" / "python")]
    what = ["-q", "--constraint", str(ROOT / "requirements-dev.txt"), str(wheel)]
    uv_or_pip(["pip", "install", *named, *what], [*named, "install", *what])
    yield folder / "bin"
    shutil.rmtree(folder)


def test_a_newcomer_with_the_wheel_in_an_empty_folder_runs_the_main_job(environment: Path, tmp_path: Path) -> None:
    folder, home = tmp_path / "work", tmp_path / "home"
    # What a newcomer's folder may have: a package of the same name as one of ours must not be taken for it.
    (folder / "features").mkdir(parents=True)
    (folder / "features" / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    home.mkdir()

    def bojagi(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(environment / "bojagi"), *arguments], cwd=folder, capture_output=True, text=True, check=False,
            env={"PATH": os.defpath, "HOME": str(home)},
        )  # fmt: skip

    assert bojagi("simulate", "--households", "10").returncode == 0
    done = bojagi("run", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["quality"]["failed"] == 0
    assert (folder / "data" / "lakehouse" / "gold" / "customer_360" / "_delta_log").is_dir()
    assert (folder / "data" / "quality" / "site" / "index.html").exists()
    assert bojagi("docs", "operate/install").stdout.startswith("# ")
    assert str(environment.parent) in bojagi("docs").stdout
    assert 'engine = "sail"' in bojagi("settings").stdout
