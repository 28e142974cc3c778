"""The truth names the person behind each record, and households match the known demographics."""

import pandas as pd

from .landed import DAMAGED_CARD, SOURCES, Landed

_WITH_PEOPLE = (
    "crm_customer",
    "loyalty_card",
    "web_session",
    "wishlist",
    "delivery",
    "return_item",
    "review",
    "support_ticket",
    "nps_survey",
    "recommendation_event",
    "consent_event",
    "lifestyle_survey",
)


def test_the_truth_lists_each_record_with_an_existing_person(market: Landed) -> None:
    record, people = market.truth("record"), set(market.truth("person")["person_id"])
    assert set(record["person_id"]) <= people
    assert not record.duplicated(["source", "key"]).any()
    for source in _WITH_PEOPLE:
        keys = {str(row[SOURCES[source].primary_key[0]]) for row in market.rows(source)} - {DAMAGED_CARD}
        assert keys == set(record.query("source == @source")["key"]), source
    assert set(record.query("source == 'app_event'")["key"]) == set(market.clean("app_event")["device_id"])
    accounts = set(market.frame("cj_transactions")["household_id"].astype(str))
    assert accounts == set(record.query("source == 'cj_transactions'")["key"])


def test_each_account_has_one_principal_and_about_four_thirds_registrations(market: Landed) -> None:
    people, members = market.truth("person"), market.clean("crm_customer")
    assert (people.groupby("household_id")["is_principal"].sum() == 1).all()
    assert (members.query("is_principal == 'Y'").groupby("account_no").size() == 1).all()
    assert 1.15 < len(members) / people["household_id"].nunique() < 1.6


def test_members_belong_to_the_household_of_their_account(market: Landed) -> None:
    home = market.truth("person").set_index("person_id")["household_id"]
    person = market.truth("record").query("source == 'crm_customer'").set_index("key")["person_id"]
    members = market.clean("crm_customer")
    assert (home.loc[person.loc[members["member_no"]]].to_numpy() == members["account_no"].astype("int64")).all()


def test_household_size_and_age_match_the_known_demographics(market: Landed) -> None:
    known = market.frame("cj_demographics").set_index("household_id")
    people = market.truth("person").query("household_id in @known.index")
    size = people.groupby("household_id").size()
    stated = known["household_size"].str[0].astype(int).loc[size.index]
    assert ((size == stated) | ((stated == 5) & (size == 6))).all()
    head = people.query("role == 'head'").set_index("household_id")
    age = (pd.Timestamp("2017-07-01") - pd.to_datetime(head["birth_date"])).dt.days / 365.25
    low = known["age"].str[:2].astype(int).loc[age.index]
    assert (age >= low - 0.1).all()
    assert (age[low < 65] <= low[low < 65] + 11).all()


def test_phones_and_emails_belong_to_no_real_person(market: Landed) -> None:
    """Numbers are from blocks that are not assigned, and addresses from a reserved domain."""
    people = market.truth("person")
    phones, emails = people["phone"].dropna(), people["email"].dropna()
    assert phones.str.fullmatch(r"\+8210[01]\d{7}|\+1[2-9]\d{2}55501\d{2}").all()
    assert emails.str.endswith(".example").all()


def test_some_people_share_a_phone_within_their_household_and_some_a_name(market: Landed) -> None:
    people = market.truth("person")
    shared = people.dropna(subset="phone").groupby("phone")["household_id"].agg(["size", "nunique"])
    assert (shared["size"] > 1).any()
    assert (shared["nunique"] == 1).all()
    assert people["name"].duplicated().any()


def test_the_truth_lists_each_repeated_registration(market: Landed) -> None:
    record = market.truth("record").query("source == 'crm_customer'")
    made_up = set(market.dirt().query("source == 'crm_customer' and breaks_contract")["key"])
    sound = record[~record["key"].isin(made_up)]
    repeated = sound[sound["person_id"].duplicated(keep="first")]
    planted = market.dirt().query("kind == 'repeated_registration'").drop_duplicates("key")
    assert len(repeated) == len(planted) > 0
