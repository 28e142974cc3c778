"""The consent records of a member and purpose form a valid history."""

import pandas as pd
import pytest

from .landed import Landed

_MAY_FOLLOW = {
    "requested": {"given", "refused"},
    "given": {"withdrawn", "renewed", "expired", "invalidated"},
    "renewed": {"withdrawn", "renewed", "expired", "invalidated"},
    "withdrawn": {"given"},
    "refused": set(),
    "expired": set(),
    "invalidated": set(),
}


@pytest.fixture(scope="module")
def consents(market: Landed) -> pd.DataFrame:
    return market.clean("consent_event").set_index("record_id")


def test_each_consent_record_follows_the_one_it_supersedes(consents: pd.DataFrame) -> None:
    later = consents.dropna(subset="supersedes")
    earlier = consents.loc[later["supersedes"]]
    assert (later["member_no"].to_numpy() == earlier["member_no"].to_numpy()).all()
    assert (later["purpose"].to_numpy() == earlier["purpose"].to_numpy()).all()
    assert (later["event_at"].to_numpy() >= earlier["event_at"].to_numpy()).all()
    pairs = zip(earlier["state"], later["state"], strict=True)
    assert all(after in _MAY_FOLLOW[before] for before, after in pairs)
    assert later["supersedes"].is_unique


def test_each_registration_has_a_consent_record_for_each_purpose(market: Landed, consents: pd.DataFrame) -> None:
    answered = consents[consents["state"].isin(["given", "refused"])]
    members = market.clean("crm_customer")["member_no"]
    assert (answered.groupby("member_no")["purpose"].nunique().reindex(members) == 5).all()
    assert {"given", "refused", "withdrawn", "renewed", "expired", "requested"} <= set(consents["state"])


def test_records_are_recorded_after_their_event_and_only_marketing_has_730_valid_days(consents: pd.DataFrame) -> None:
    assert (consents["recorded_at"] >= consents["event_at"]).all()
    lasting = consents.query("purpose == 'marketing' and state in ['given', 'renewed']")
    assert (lasting["valid_days"] == 730).all()
    assert consents.query("purpose != 'marketing'")["valid_days"].isna().all()


def test_consent_of_children_is_expressed_by_a_guardian(market: Landed, consents: pd.DataFrame) -> None:
    people = market.truth("person").set_index("person_id")["birth_date"]
    person = market.truth("record").query("source == 'consent_event'").set_index("key")["person_id"]
    born = pd.to_datetime(people.loc[person.loc[consents.index]].to_numpy())
    age = (pd.to_datetime(consents["event_at"]).to_numpy() - born.to_numpy()).astype("timedelta64[D]").astype(
        int
    ) / 365.25
    assert (consents["expressed_by"][age < 13.9] == "guardian").all()
    assert (consents["expressed_by"][age > 14.1] == "self").all()
    assert (consents["expressed_by"] == "guardian").any()
