"""The training bundle is a wheel of its own, and imports nothing of ours and no package that it does not declare."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import grimp
import pytest
from flwr.cli.build import build_fab_from_disk

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "federated"
OURS = ("agent_serving", "features", "installation", "pipelines", "privacy")
ALONE = """
import importlib.abc, pkgutil, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ours}:
            raise ImportError(f"{{name}} is not part of the bundle")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, {wheel!r})
import federated
assert federated.__file__.startswith({wheel!r}), federated.__file__
names = [one.name for one in pkgutil.walk_packages(federated.__path__, "federated.")]
for name in names:
    if not name.endswith("__main__"):
        __import__(name)
print(len(names))
"""


def declared() -> set[str]:
    project = tomllib.loads((BUNDLE / "pyproject.toml").read_text("utf-8"))["project"]
    return {requirement.partition(">")[0] for requirement in project["dependencies"]}


def test_every_import_is_of_the_standard_library_or_a_declared_package() -> None:
    graph = grimp.build_graph("federated", include_external_packages=True)
    found = {name.partition(".")[0] for module in graph.modules if module.startswith("federated")
             for name in graph.find_modules_directly_imported_by(module)}  # fmt: skip
    assert found - {"federated"} - set(sys.stdlib_module_names) <= declared()
    # Negative control: the bundle is seen to import Flower.
    assert "flwr" in found


def test_the_wheel_has_every_package_and_works_without_the_rest_of_the_project(tmp_path: Path) -> None:
    build = "import os, sys; from setuptools import build_meta as b; os.chdir(sys.argv[1]); b.build_wheel(sys.argv[2])"
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", str(BUNDLE), str(source)], check=True)
    subprocess.run([sys.executable, "-c", build, str(source), str(tmp_path)], capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "wheel")], check=True)
    code = ALONE.format(ours=set(OURS), wheel=str(tmp_path / "wheel"))
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules = [path for path in BUNDLE.rglob("*.py") if "build" not in path.parts]
    assert int(done.stdout) == len(modules) - 1


def test_a_module_of_ours_is_refused_where_the_bundle_runs_alone() -> None:
    code = ALONE.format(ours=set(OURS), wheel=str(ROOT)) + "\nimport features\n"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert "features is not part of the bundle" in done.stderr


# Flower names its patterns in the older way.
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
def test_what_flower_sends_to_nodes_holds_the_two_apps_and_no_other_code() -> None:
    bundle = zipfile.ZipFile(io.BytesIO(build_fab_from_disk(BUNDLE)))
    assert bundle.namelist() == ["pyproject.toml", "client_app.py", "server_app.py", ".info/CONTENT"]
