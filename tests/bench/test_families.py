"""Families are told apart, and only with the guards; the drawn families are those that the issue of merges names."""

import pandas as pd
import pytest

from bench.identity.families import guards_off, rate, resolve_families
from bench.identity.family import KINDS, Kind, draw_families
from bench.identity.name_source import letter_distance

_KINDS = {kind.name: kind for kind in KINDS}
_FAMILIES = 60


@pytest.mark.parametrize("name", ["twins, Korean", "father and son of one name"])
def test_families_are_told_apart_with_guards_and_merged_without(name: str) -> None:
    data, family = draw_families(_KINDS[name], _FAMILIES)
    assert rate(data, family, resolve_families(data)).holds
    with guards_off():
        assert not rate(data, family, resolve_families(data)).holds


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_family_has_two_people_and_the_same_seed_gives_the_same_records(kind: Kind) -> None:
    data, family = draw_families(kind, _FAMILIES)
    again, _ = draw_families(kind, _FAMILIES)
    pd.testing.assert_frame_equal(data.frame, again.frame)
    people = data.frame[data.truth].groupby(family.to_numpy()).nunique().drop(-1)
    assert len(people) == _FAMILIES
    assert (people >= 2).all()


def test_given_names_of_korean_twins_differ_by_more_than_a_typing_error_in_every_record() -> None:
    data, family = draw_families(_KINDS["twins, Korean"], _FAMILIES)
    frame = data.frame.assign(family=family)
    for _, records in frame[frame["family"] >= 0].groupby("family"):
        names = [set(own["성명"].str[-2:]) for _, own in records.groupby(data.truth)]
        assert all(letter_distance(a, b) > 1 for a in names[0] for b in names[1])
