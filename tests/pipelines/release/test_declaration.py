"""A release is declared by one YAML file of a kind; a file that is not valid is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ReleaseError
from pipelines.release.declaration import (
    anonymous_releases,
    load_releases,
    model_releases,
    statistics_releases,
    synthetic_releases,
)


def test_every_built_in_release_is_of_one_kind() -> None:
    kinds = (anonymous_releases(), statistics_releases(), synthetic_releases(), model_releases())
    names = [one.name for kind in kinds for one in kind]
    assert sorted(names) == sorted({one.name for one in load_releases()})
    assert [one.spec.columns for one in anonymous_releases()]
    assert [one.training.service for one in model_releases()] == ["purchase_habit"] * 2
    assert [one.question.dataset for one in statistics_releases()] == [one.source for one in statistics_releases()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "expected a mapping with a kind"),
        ("kind: guess", "is not a valid release.*'anonymous', 'statistics'"),
        ("source: gold/customer_360", "is not a valid release.*kind"),
        ("{kind: statistics, title: t, question: {rho: 1}}", "question.*expected a question with the fields dataset"),
        ("{kind: anonymous, source: a, purpose: b, recipient: c, spec: {}, more: 1}", "more"),
        ("kind: [", "is not YAML"),
        ("{kind: anonymous, kind: statistics}", "is not YAML.*duplicate key"),
        ("", "expected a mapping with a kind"),
        ("kind:\tstatistics\n\ttitle: t", "is not YAML.*'\\\\t'"),
        ("kind: statistics\n---\nkind: statistics", "is not YAML.*another document"),
        ("{kind: anonymous, name: other}", "named by its file; remove the key `name`"),
        ("{kind: anonymous, source: a, purpose: b, recipient: c, spec: {models: [k]}}", "expected models as a list"),
        ("{kind: anonymous, source: a, purpose: b, recipient: c, spec: {columns: 5}}", "expected columns as a mapping"),
    ],
)
def test_a_file_that_is_no_release_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(ReleaseError, match=message):
        load_releases(tmp_path)


def test_a_file_in_another_encoding_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "korean.yaml").write_bytes("kind: statistics\ntitle: 주문".encode("cp949"))
    with pytest.raises(ReleaseError, match=r"korean\.yaml is not YAML in UTF-8"):
        load_releases(tmp_path)


@pytest.mark.parametrize("name", ["Orders", "order-by-month", "2017", "주문"])
def test_a_file_name_that_is_no_table_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.yaml").write_text("{kind: anonymous, source: a, purpose: b, recipient: c, spec: {}}")
    with pytest.raises(ReleaseError, match=r"name: String should match"):
        load_releases(tmp_path)
