"""changed_verdicts on a real store: it returns the verdicts that changed after silver/permission was built."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from privacy.consent.errors import ConsentError, UnknownPurposeError
from privacy.consent.policy import Policy, built_in_policy
from privacy.consent.state import State
from privacy.consent.store import ConsentStore
from privacy.consent.verdict_change import changed_verdicts, note_permissions
from privacy.consent.view import ConsentView
from tests.privacy.consent.test_store import NOON, record

POLICY = built_in_policy()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConsentStore]:
    """A store in which c_1 (s_1 and s_2) and c_2 permit marketing, after a build of silver/permission."""
    opened = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    for subject, customer in (("s_1", "c_1"), ("s_2", "c_1"), ("s_3", "c_2")):
        opened.assign(subject, customer, datetime(2020, 1, 1))
        opened.append([record(subject, State.GIVEN)])
    note_permissions(view_of(opened))
    yield opened
    opened.close()


def view_of(store: ConsentStore, moment: datetime = NOON + timedelta(days=1)) -> ConsentView:
    return ConsentView(lambda: ConsentStore(store.path, POLICY.taxonomy), POLICY, "Shop", moment)


def test_without_new_records_no_verdict_changed(store: ConsentStore) -> None:
    assert changed_verdicts(view_of(store), "marketing") == {}


def test_changed_verdicts_are_false_after_a_withdrawal_and_true_after_a_consent(store: ConsentStore) -> None:
    store.append([record("s_2", State.WITHDRAWN, NOON + timedelta(hours=1))])
    store.append([record("c_9", State.GIVEN)])
    found = changed_verdicts(view_of(store), "marketing")
    assert (found["c_1"], found["c_9"], "c_2" in found) == (False, True, False)
    assert {name for name, verdict in found.items() if not verdict} == {"c_1", "s_2"}


def test_a_change_about_another_purpose_keeps_the_verdict(store: ConsentStore) -> None:
    store.append([record("s_3", State.GIVEN, purpose="analytics")])
    assert changed_verdicts(view_of(store), "marketing")["c_2"]
    assert changed_verdicts(view_of(store), "analytics")["c_2"]


def test_a_moved_source_person_changes_both_customers(store: ConsentStore) -> None:
    store.append([record("s_2", State.WITHDRAWN, NOON + timedelta(hours=1))])
    note_permissions(view_of(store))
    assert changed_verdicts(view_of(store), "marketing") == {}
    store.assign("s_2", "c_2", NOON + timedelta(hours=2))
    found = changed_verdicts(view_of(store), "marketing")
    assert (found["c_1"], found["c_2"]) == (True, False)


def test_a_changed_verdict_counts_at_the_moment_of_the_view(store: ConsentStore) -> None:
    store.append([record("s_3", State.WITHDRAWN, NOON + timedelta(hours=2))])
    for hours, expected in ((1, True), (3, False)):
        assert changed_verdicts(view_of(store, NOON + timedelta(hours=hours)), "marketing")["c_2"] is expected


def test_a_thousand_changes_agree_with_the_view_that_reads_everything(store: ConsentStore) -> None:
    states = (State.GIVEN, State.WITHDRAWN, State.OBJECTED)
    store.append([record(f"c_{i}", states[i % 3]) for i in range(100, 1100)])
    view = view_of(store)
    found = changed_verdicts(view, "marketing")
    assert found == {f"c_{i}": view.is_permitted(f"c_{i}", "marketing") for i in range(100, 1100)}
    assert sum(found.values()) == 333


def test_a_table_that_was_never_built_is_refused(tmp_path: Path) -> None:
    store = ConsentStore(tmp_path / "consent.db", POLICY.taxonomy)
    store.append([record("s_1", State.WITHDRAWN)])
    with pytest.raises(ConsentError, match="run `bojagi run`"):
        changed_verdicts(view_of(store), "marketing")
    store.close()


def test_an_unknown_purpose_is_refused_also_without_new_records(store: ConsentStore) -> None:
    with pytest.raises(UnknownPurposeError):
        changed_verdicts(view_of(store), "curiosity")


def test_verdicts_of_other_rules_are_refused_until_the_next_build(store: ConsentStore) -> None:
    for policy, controller in ((Policy(POLICY.taxonomy, ()), "Shop"), (POLICY, "Another shop")):
        view = ConsentView(lambda: ConsentStore(store.path, POLICY.taxonomy), policy, controller, NOON)
        with pytest.raises(ConsentError, match="built with other purposes, laws or controller"):
            changed_verdicts(view, "marketing")
        note_permissions(view)
        assert changed_verdicts(view, "marketing") == {}
