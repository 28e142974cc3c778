"""Computes a hash of the code that builds a table: all modules that its builder imports, directly or indirectly."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipelines", "installation", "privacy")
RESOURCES = ("*.csv", "*.json", "*.yaml")
"""Data files beside a module; they are hashed with it. Contracts are hashed separately, see `fingerprint`."""


def code_digest(modules: Iterable[str]) -> str:
    """Return a hash of the content of modules and of all modules of this project that they import.

    Imports for type checking only are left out.

    >>> code_digest(["pipelines.unify.calendar"]) == code_digest(["pipelines.unify.calendar"])
    True
    """
    digest = hashlib.sha256()
    for name in sorted(imported_modules(modules)):
        digest.update(f"{name}\0{_content(name)}\n".encode())
    return digest.hexdigest()


def imported_modules(modules: Iterable[str]) -> frozenset[str]:
    """Return the given modules and all modules of this project that they import, directly or indirectly."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return frozenset(found)


def _file(name: str) -> Path | None:
    """Return the file of a module or package; None if the project has no module of that name."""
    base = ROOT.joinpath(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def _content(name: str) -> str:
    path = _file(name)
    files = [] if path is None else [path, *sorted(f for pattern in RESOURCES for f in path.parent.glob(pattern))]
    return " ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


@cache
def _imports(name: str) -> frozenset[str]:
    path = _file(name)
    if path is None or name.split(".")[0] not in PACKAGES:
        return frozenset()
    tree = ast.parse(path.read_bytes())
    named = {wanted for node in _runtime_nodes(tree) for wanted in _names(node)}
    return frozenset(wanted for wanted in named if wanted.split(".")[0] in PACKAGES and _file(wanted) is not None)


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node of the syntax tree except those below `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        is_typing = isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"
        if not is_typing:
            yield child
            yield from _runtime_nodes(child)


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the modules that an import may refer to: `from a import b` gives a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
