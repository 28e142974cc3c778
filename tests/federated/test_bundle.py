"""What the Flower app consists of, and what it needs."""

from __future__ import annotations

import ast
import io
import sys
import tomllib
import zipfile
from typing import Any

import pytest
from flwr.cli.build import build_fab_from_disk

from federated.deployment.approved_app import APP


def _project() -> dict[str, Any]:
    return tomllib.loads((APP / "pyproject.toml").read_text())


def test_the_app_imports_nothing_but_the_dependencies_of_its_wheel() -> None:
    imported = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            imported |= {name.partition(".")[0] for name in names}
    declared = {text.partition(">")[0] for text in _project()["project"]["dependencies"]}
    assert imported - set(sys.stdlib_module_names) - {"federated"} == declared


# Flower names its patterns in the older way.
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
def test_the_bundle_holds_the_two_apps_and_no_other_code() -> None:
    bundle = zipfile.ZipFile(io.BytesIO(build_fab_from_disk(APP)))
    assert bundle.namelist() == ["pyproject.toml", "client_app.py", "server_app.py", ".info/CONTENT"]


def test_the_wheel_of_the_app_lists_every_package() -> None:
    declared = _project()["tool"]["setuptools"]["packages"]
    found = {".".join(["federated", *path.parent.relative_to(APP).parts]) for path in APP.rglob("__init__.py")}
    assert set(declared) == found
