"""The cache follows every source of the kernels; each kernel is compiled for one set of argument types."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from privacy.anonymity.kernel import compilation
from privacy.anonymity.kernel.compilation import hash_sources
from tests.privacy.anonymity.kernel.test_kernel import start

CALLEE = """
from privacy.anonymity.kernel.compilation import kernel

@kernel
def add(a: int, b: int) -> int:
    return a + b + {extra}
"""
CALLER = """
from {decorators} import {decorator}
from toy.callee import add

@{decorator}
def three(a: int) -> int:
    return add(a, 1)
"""
RUN = "from toy.caller import three; print(three(2), sum(three.stats.cache_hits.values()))"


def run_toy(folder: Path, extra: int, is_keyed: bool) -> tuple[int, int]:
    """Returns the result of a caller in another file than its callee, and how often it came from the cache."""
    package = folder / "toy"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE.format(extra=extra))
    decorators = "privacy.anonymity.kernel.compilation" if is_keyed else "toy.plain"
    decorator = "entry_point" if is_keyed else "plain"
    (package / "caller.py").write_text(CALLER.format(decorators=decorators, decorator=decorator))
    (package / "plain.py").write_text("from numba import njit\nplain = njit(cache=True)\n")
    root = Path(compilation.__file__).parents[3]
    paths = os.pathsep.join([str(folder), str(root)])
    environment = {**os.environ, "PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(folder / "cache")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    printed = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    return int(printed[0]), int(printed[1])


def test_a_change_of_a_callee_is_compiled_and_an_unchanged_one_comes_from_the_cache(tmp_path: Path) -> None:
    assert run_toy(tmp_path, 0, is_keyed=True) == (3, 0)
    assert run_toy(tmp_path, 0, is_keyed=True) == (3, 1)
    assert run_toy(tmp_path, 10, is_keyed=True) == (13, 0)


def test_the_cache_of_numba_alone_misses_a_change_of_a_callee(tmp_path: Path) -> None:
    """Negative control: this is the fault that the folder named after the sources prevents."""
    assert run_toy(tmp_path, 0, is_keyed=False) == (3, 0)
    assert run_toy(tmp_path, 10, is_keyed=False) == (3, 1)


def test_the_digest_of_the_sources_follows_every_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "b.py").write_text("y")
    first = hash_sources(tmp_path)
    assert hash_sources(tmp_path) == first
    (tmp_path / "b.py").write_text("z")
    changed = hash_sources(tmp_path)
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    assert len({first, changed, hash_sources(tmp_path)}) == 3


@pytest.mark.parametrize("model", [None, {"name": "t_closeness", "t": 0.3, "column": "illness"}])
def test_no_kernel_is_compiled_for_two_sets_of_argument_types(model: dict[str, object] | None) -> None:
    from privacy.anonymity.search.local_recoding import recode_locally

    given = start(3, *([model] if model else []))
    recode_locally(given.table, given.spec)
    names = [file.stem for file in Path(compilation.__file__).parent.glob("*.py") if file.stem != "__init__"]
    modules = [importlib.import_module(f"privacy.anonymity.kernel.{name}") for name in names]
    compiled = {
        f"{module.__name__}.{name}": len(found.signatures)
        for module in modules
        for name, found in vars(module).items()
        if isinstance(found, compilation._Dispatcher)
    }
    assert {name: count for name, count in compiled.items() if count > 1} == {}
    assert sum(compiled.values()) > 3
