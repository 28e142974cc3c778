"""A change of any module that a builder imports is a change of its code; a change of another module is not."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from pipelines import build_code
from pipelines.unify.registry import TABLES, table


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's packages that a test may change."""
    for package in build_code.PACKAGES:
        shutil.copytree(build_code.ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(build_code, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    build_code._content.cache_clear()
    build_code._imports.cache_clear()
    build_code._has_code.cache_clear()


def changed_by(tree: Path, file: str) -> set[str]:
    """Return the tables whose code digest changes with a file."""
    forget()
    before = {one.name: build_code.code_digest([one.build.__module__]) for one in TABLES}
    path = tree / file
    path.write_text(path.read_text("utf-8") + "\n# changed\n", "utf-8")
    forget()
    return {one.name for one in TABLES if build_code.code_digest([one.build.__module__]) != before[one.name]}


CONSENT = {
    "silver/consent_event", "silver/permission", "gold/recommendation_model", "gold/recommended_item",
    "gold/customer_recommendation",
}  # fmt: skip
"""Tables whose code decides by consent; the tables of recommendation are built by one module."""


def test_a_change_far_below_the_builder_changes_its_tables_only(tree: Path) -> None:
    assert "silver/identifier" in changed_by(tree, "pipelines/matching/standardise/name.py")
    assert "silver/identifier" in changed_by(tree, "pipelines/matching/standardise/name_variant.csv")
    assert changed_by(tree, "privacy/consent/frame.py") == CONSENT
    assert changed_by(tree, "pipelines/unify/price_sensitivity.py") == {"gold/customer_purchase_behaviour"}


def test_a_data_file_changes_the_tables_whose_code_names_it(tree: Path) -> None:
    assert changed_by(tree, "privacy/consent/purpose.yaml") == CONSENT
    (tree / "privacy/consent/unnamed.csv").write_text("read under a computed name")
    assert len(changed_by(tree, "privacy/consent/unnamed.csv")) > 2


def test_a_change_of_code_that_builds_nothing_changes_no_table(tree: Path) -> None:
    assert changed_by(tree, "pipelines/contracts/draft.py") == set()
    assert changed_by(tree, "pipelines/cli/app.py") == set()


def test_imports_for_type_checking_take_no_part() -> None:
    modules = build_code.imported_modules([table("gold/customer_360").build.__module__])
    assert "pipelines.derived_table.table" in modules
    assert "pipelines.register.matching_session" not in modules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import privacy.probe.low", {"privacy.probe", "privacy.probe.low"}),
        ("from privacy.probe import low", {"privacy.probe", "privacy.probe.low"}),
        ("from privacy.probe.low import NUMBER", {"privacy.probe", "privacy.probe.low"}),
        ("from privacy.probe import SHOWN", {"privacy.probe", "privacy.probe.shown"}),
        ("from .sibling import NUMBER", {"pipelines.probe.sibling"}),
        ("from . import sibling", {"pipelines.probe", "pipelines.probe.sibling"}),
        ("from ..other import NUMBER", {"pipelines.other"}),
        ("def build():\n    from privacy.probe import low", {"privacy.probe", "privacy.probe.low"}),
        ("import typing\nif typing.TYPE_CHECKING:\n    import privacy.probe.low", set()),
        ("if TYPE_CHECKING:\n    import privacy.probe.low\nelse:\n    import pipelines.other", {"pipelines.other"}),
        ("if not TYPE_CHECKING:\n    import pipelines.other", {"pipelines.other"}),
    ],
)
def test_every_form_of_import_that_runs_is_followed(tree: Path, text: str, expected: set[str]) -> None:
    files = {
        "privacy/probe/__init__.py": "from privacy.probe.shown import SHOWN", "privacy/probe/shown.py": "SHOWN = 1",
        "privacy/probe/low.py": "NUMBER = 1", "pipelines/probe/__init__.py": '"""A package without code."""',
        "pipelines/probe/sibling.py": "NUMBER = 1", "pipelines/other.py": "NUMBER = 1",
        "pipelines/probe/builder.py": text,
    }  # fmt: skip
    for name, content in files.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(content)
    shown = {"privacy.probe.shown"} if "privacy.probe" in expected else set()
    found = build_code.imported_modules(["pipelines.probe.builder"])
    assert found == {"pipelines.probe.builder", *expected, *shown}


def test_a_builder_that_is_no_function_of_the_project_is_refused() -> None:
    for module in (partial(print).__class__.__module__, "json", "pipelines.unify.no_such_module"):
        with pytest.raises(ValueError, match="whose changes would go unnoticed"):
            build_code.code_digest([module])
