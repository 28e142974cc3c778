"""Records have a fixed order, and their keys are numbered in the sort order of the texts."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from pipelines.register.exact_linker import without_default_values
from pipelines.register.record import KINDS, Records

COLUMNS = ["source", *KINDS, "is_principal", "record_count", "loaded_at"]


def drawn(seed: int, rows: int = 60) -> pd.DataFrame:
    """Return random records whose keys repeat often; each kind of key is missing from some, and some have no key."""
    dice = random.Random(seed)
    return pd.DataFrame(
        [
            {
                "source": dice.choice(["crm", "shop"]),
                **{kind: f"{dice.randrange(6)}" if dice.random() < 0.4 else None for kind in KINDS},
                "is_principal": dice.choice([True, False, None]),
                "record_count": dice.randrange(1, 9),
                "loaded_at": pd.Timestamp("2017-01-01") + pd.Timedelta(dice.randrange(9), "D"),
            }
            for _ in range(rows)
        ],
        columns=COLUMNS,
    )


@pytest.mark.parametrize("seed", range(10))
def test_records_are_sorted_by_text_and_keys_are_numbered_in_that_order(seed: int) -> None:
    frame = drawn(seed)
    records = Records.of(frame)
    texts = records.frame[["source", *KINDS]].fillna("")
    assert texts.to_numpy().tolist() == sorted(texts.to_numpy().tolist())
    keys = records.keys()
    assert (keys["key"] == keys.groupby(["kind", "token"], sort=True).ngroup()).all()
    assert (records.frame.melt(value_vars=list(KINDS))["value"].dropna().to_numpy() == keys["token"].to_numpy()).all()
    shuffled = Records.of(frame.sample(frac=1, random_state=seed).reset_index(drop=True)).keys()
    assert shuffled[["record", "key"]].equals(keys[["record", "key"]]), "whatever the engine's row order"


@pytest.mark.parametrize("seed", range(10))
def test_keys_of_too_many_members_are_removed_as_default_values(seed: int) -> None:
    """The oracle counts with pandas over the texts; a card number replaces a missing member number."""
    records = Records.of(drawn(seed))
    keys = records.keys()
    member = records.frame["member_no"].fillna(records.frame["card_no"]).to_numpy()[keys["record"]]
    carried = keys.assign(member=member).groupby(["kind", "token"])["member"].nunique()
    for most in (2, 4, 50):
        wanted = carried[(carried > most) & (carried.index.get_level_values(0) != "member_no")]
        kept, refused = without_default_values(keys, records, most)
        assert refused == tuple(sorted(zip(wanted.index.get_level_values(0), wanted.tolist(), strict=True)))
        assert len(kept) == len(keys) - int(pd.MultiIndex.from_frame(keys[["kind", "token"]]).isin(wanted.index).sum())
    assert len(refused) == 0


def test_without_any_record_there_are_no_keys() -> None:
    records = Records.of(drawn(0).iloc[:0])
    assert records.keys().empty
    assert without_default_values(records.keys(), records, 8)[1] == ()
    assert np.asarray(records.keys()["key"]).size == 0
