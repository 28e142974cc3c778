"""A release is declared by one YAML file of a kind; a file that is not valid is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ReleaseError
from pipelines.release.declaration import anonymous_releases, load_releases, statistics_releases


def test_every_built_in_release_is_of_one_kind() -> None:
    both = {one.name for one in (*anonymous_releases(), *statistics_releases())}
    assert both == {one.name for one in load_releases()}
    assert len(both) == len(anonymous_releases()) + len(statistics_releases())
    assert [one.spec.columns for one in anonymous_releases()]
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
    ],
)
def test_a_file_that_is_no_release_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(ReleaseError, match=message):
        load_releases(tmp_path)
