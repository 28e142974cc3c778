"""Computes a hash of the code that builds a table: all modules that its builder imports, directly or indirectly."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipelines", "features", "installation", "privacy")
RESOURCES = ("*.csv", "*.json", "*.yaml")
"""Data files beside a module; they are hashed with it. Contracts are hashed separately, see `fingerprint`."""


def code_digest(modules: Iterable[str]) -> str:
    """Return a hash of the content of modules and of all modules of this project that they import.

    Imports for type checking only are left out.

    Raises:
        ValueError: a module is not in this project.

    >>> code_digest(["pipelines.unify.calendar"]) == code_digest(["pipelines.unify.calendar"])
    True
    """
    modules = tuple(modules)
    if absent := [name for name in modules if _file(name) is None]:
        raise ValueError(
            f"got code of {', '.join(absent)}, whose changes would go unnoticed; expected functions of this project, "
            "not partial objects or functions of libraries"
        )
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
    files = [] if path is None else [path, *_resources(path)]
    return " ".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def _resources(path: Path) -> Iterator[Path]:
    """Yield the data files beside a module that it names, and those that no module beside it names, in order."""
    own, others = path.read_text("utf-8"), [other.read_text("utf-8") for other in sorted(path.parent.glob("*.py"))]
    for file in sorted(file for pattern in RESOURCES for file in path.parent.glob(pattern)):
        if file.name in own or not any(file.name in other for other in others):
            yield file


@cache
def _imports(name: str) -> frozenset[str]:
    path = _file(name)
    if path is None or name.split(".")[0] not in PACKAGES:
        return frozenset()
    tree = ast.parse(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    named = {wanted for node in _runtime_nodes(tree) for wanted in _names(node, package)}
    own = {wanted for wanted in named if wanted.split(".")[0] in PACKAGES and _file(wanted) is not None}
    return frozenset(own | {parent for wanted in own for parent in _packages_with_code(wanted)})


def _packages_with_code(name: str) -> Iterator[str]:
    """Yield the packages above a module that do more than hold a docstring; importing the module runs them."""
    parent = name.rpartition(".")[0]
    while parent:
        if _has_code(parent):
            yield parent
        parent = parent.rpartition(".")[0]


@cache
def _has_code(package: str) -> bool:
    path = _file(package)
    body = [] if path is None else ast.parse(path.read_bytes()).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node of the syntax tree except those below `if TYPE_CHECKING`; those below its `else` are yielded."""
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING":
        children = node.orelse
    for child in children:
        yield child
        yield from _runtime_nodes(child)


def _names(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the modules that an import in a package may refer to: `from a import b` gives a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
