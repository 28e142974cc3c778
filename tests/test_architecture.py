"""The packages form a one-way street: no circle of modules, no circle of sibling packages, and rules that miss none."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
ROOTS = ("pipelines", "agent_serving", "federated", "features", "installation", "privacy")
FREE_TO_IMPORT_DAGSTER = {"cli", "defs", "orchestration"}
FREE_TO_IMPORT_SPARK = {"features.insight", "features.repo", "features.transform"}
Graph = Mapping[str, set[str]]


@pytest.fixture(scope="module")
def modules() -> Graph:
    """Every module of the project and the modules of the project that it imports."""
    graph = grimp.build_graph(*ROOTS)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def circles(graph: Graph) -> list[set[str]]:
    """Return every set of nodes that reach each other: strongly connected components, found by removing the ends."""
    reached = {node: _reach(node, graph) for node in graph}
    found: list[set[str]] = []
    for node in sorted(graph):
        circle = {other for other in reached[node] if node in reached.get(other, ())}
        if node in circle and circle not in found:
            found.append(circle)
    return found


def _reach(node: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    waiting = [*graph[node]]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(graph.get(current, ()))
    return found


def siblings(parent: str, modules: Graph) -> Graph:
    """Return the direct members of a package and which of each other they import, through whatever module in them."""
    depth = parent.count(".") + 2
    graph: dict[str, set[str]] = {}
    for name, imported in modules.items():
        if name.startswith(f"{parent}."):
            own = ".".join(name.split(".")[:depth])
            others = {".".join(other.split(".")[:depth]) for other in imported if other.startswith(f"{parent}.")}
            graph.setdefault(own, set()).update(others - {own})
    return graph


def packages(modules: Graph) -> Iterator[str]:
    """Yield every package that has members."""
    yield from sorted({name.rpartition(".")[0] for name in modules if "." in name})


def test_no_modules_form_a_circle(modules: Graph) -> None:
    assert circles(modules) == []


def test_no_sibling_packages_form_a_circle(modules: Graph) -> None:
    found = {package: circles(siblings(package, modules)) for package in packages(modules)}
    assert {package: found[package] for package in found if found[package]} == {}


def test_a_circle_on_purpose_is_found(modules: Graph) -> None:
    broken = {name: set(imported) for name, imported in modules.items()}
    broken["privacy.consent.policy"].add("privacy.access.role")
    assert any({"privacy.consent.policy", "privacy.access.role"} <= circle for circle in circles(broken))
    assert any("privacy.access" in circle for circle in circles(siblings("privacy", broken)))


def rule(name: str) -> set[str]:
    """Return the modules that a rule of the import linter is about."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (found,) = (rule for rule in config["tool"]["importlinter"]["contracts"] if rule["name"] == name)
    return set(found["source_modules"])


def test_the_rule_about_dagster_lists_every_package_of_the_pipelines() -> None:
    listed = rule("Dagster in the pipelines only where it is declared, orchestrated and started")
    there = {path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")}
    assert {name.removeprefix("pipelines.") for name in listed} == there - FREE_TO_IMPORT_DAGSTER


def test_the_rule_about_spark_lists_every_module_of_the_features_that_serves(modules: Graph) -> None:
    listed = rule("What serves requests runs without Spark, Dagster and Great Expectations")
    there = {name for name in modules if name.startswith("features.") and name.count(".") == 1}
    assert listed == (there - FREE_TO_IMPORT_SPARK) | {"agent_serving", "installation"}
