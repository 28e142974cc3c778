"""The bench of the online store finds values that differ."""

from datetime import UTC, datetime

from bench.features.store import differences

TRUTH = [[1, None, "a"], [0.5, [1.0], datetime(2026, 1, 1, tzinfo=UTC)]]


def test_equal_values_differ_if_their_types_do() -> None:
    assert differences(TRUTH, [[1, None, "a"], [0.5, [1.0], datetime(2026, 1, 1, tzinfo=UTC)]]) == 0
    assert differences(TRUTH, [[1.0, None, "a"], [0.5, [1.0], datetime(2026, 1, 1, tzinfo=UTC)]]) == 1
    assert differences(TRUTH, [[True, "", None], [None, [], None]]) == 6
