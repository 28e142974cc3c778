"""A change of any module that a builder imports is a change of its code; a change of another module is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.derived_table import build_code
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


def changed_by(tree: Path, file: str) -> set[str]:
    """Return the tables whose code digest changes with a file."""
    forget()
    before = {one.name: build_code.code_digest([one.build.__module__]) for one in TABLES}
    path = tree / file
    path.write_text(path.read_text("utf-8") + "\n# changed\n", "utf-8")
    forget()
    return {one.name for one in TABLES if build_code.code_digest([one.build.__module__]) != before[one.name]}


def test_a_change_far_below_the_builder_changes_its_tables_only(tree: Path) -> None:
    assert "silver/identifier" in changed_by(tree, "pipelines/matching/standardise/name.py")
    assert "silver/identifier" in changed_by(tree, "pipelines/matching/standardise/name_variant.csv")
    assert changed_by(tree, "privacy/consent/frame.py") == {"silver/consent_event", "silver/permission"}
    assert changed_by(tree, "pipelines/unify/price_sensitivity.py") == {"gold/customer_purchase_behaviour"}


def test_a_change_of_code_that_builds_nothing_changes_no_table(tree: Path) -> None:
    assert changed_by(tree, "pipelines/contracts/draft.py") == set()
    assert changed_by(tree, "pipelines/cli/app.py") == set()


def test_imports_for_type_checking_take_no_part() -> None:
    modules = build_code.imported_modules([table("gold/customer_360").build.__module__])
    assert "pipelines.derived_table.table" in modules
    assert "pipelines.register.matching_session" not in modules
