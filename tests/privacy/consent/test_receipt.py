"""A receipt gives back its record, for every record; other documents are refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.consent.errors import ReceiptError
from privacy.consent.purpose import built_in_taxonomy
from privacy.consent.receipt import read_receipt, write_receipt
from privacy.consent.record import ConsentRecord
from privacy.consent.state import DPV_TERM, State

TAXONOMY = built_in_taxonomy()
names = st.text(
    st.characters(min_codepoint=32, max_codepoint=0xD7A3, exclude_categories=["Cs"]), min_size=1, max_size=30
)
ids = st.from_regex(r"[a-z]_[0-9a-f]{4,12}", fullmatch=True)
categories = st.lists(st.sampled_from(["pd:Name", "pd:Purchase", "dpv:PseudonymisedData"]), max_size=3)


@st.composite
def records(draw: st.DrawFn) -> ConsentRecord:
    at = draw(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)))
    days = draw(st.none() | st.integers(0, 3000))
    fields = {
        "record_id": draw(ids), "subject_id": draw(ids), "controller": draw(names),
        "purpose": draw(st.sampled_from(list(TAXONOMY.purposes))), "data_categories": tuple(draw(categories)),
        "notice_version": draw(names), "notice_language": draw(st.sampled_from(["ko", "en", "zh-Hant"])),
        "recipients": tuple(draw(st.lists(names, max_size=2))), "storage": draw(st.none() | names),
        "jurisdiction": draw(st.sampled_from(["KR", "US"])), "method": draw(names),
        "withdrawal_method": draw(st.none() | names),
        "state": draw(st.sampled_from([state for state in State if state is not State.UNKNOWN])),
        "effective_at": at, "recorded_at": draw(st.datetimes(at, datetime(2031, 1, 1))),
        "expires_at": None if days is None else at + timedelta(days=days),
        "expressed_by": draw(st.sampled_from(["self", "guardian"])), "age_years": draw(st.none() | st.integers(0, 150)),
        "asked": draw(st.sampled_from(["separately", "bundled"])), "evidence_hash": "0f" * 32,
        "supersedes": draw(st.none() | ids),
    }  # fmt: skip
    return ConsentRecord.model_validate(fields)


@given(records())
def test_reading_a_written_receipt_gives_the_same_record(record: ConsentRecord) -> None:
    assert read_receipt(json.loads(json.dumps(write_receipt(record, TAXONOMY)))) == record


def test_no_two_states_share_a_term() -> None:
    assert len(set(DPV_TERM.values())) == len(State)


@pytest.mark.parametrize("document", [{}, {"dpv:hasRecordOfActivity": {}}, {"dpv:hasRecordOfActivity": None}])
def test_a_document_that_is_no_receipt_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ReceiptError):
        read_receipt(document)
