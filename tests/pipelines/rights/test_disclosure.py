"""Every copy in a simulated market, judged by the simulator's truth: nobody gets another person's data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pytest

from bench.rights.disclosure import Judgement, Truth, judge
from installation.installation import Installation
from installation.rights.own_row import PersonRows
from installation.rights.person_table import PersonTables
from installation.settings import load_settings
from pipelines.ingest.source_load import ingest_source
from pipelines.simulate.rates import Rates
from pipelines.simulate.simulation import simulate
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.rights.subject import Subject
from tests.pipelines.rights.family import write_identifiers

SOURCES = (
    "crm_customer", "loyalty_card", "cj_transactions", "delivery", "return_item", "review", "support_ticket",
    "recommendation_event", "web_session",
)  # fmt: skip
Keys = list[tuple[str, str | None, str]]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Ten households in which couples share telephone and e-mail, with the customer of each key as the truth has it."""
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, households=10, rates=Rates(shared_contacts=1.0, two_phones=0.0))
    with Installation(load_settings(data_dir=folder)) as installation:
        for source in SOURCES:
            contract, landing = installation.contracts.source(source), installation.settings.landing_dir
            ingest_source(contract, installation.lakehouse, landing, installation.protection, installation.clock)
        write_identifiers(installation, true_keys(installation))
        yield installation


def clear(installation: Installation, source: str) -> pa.Table:
    contract = installation.contracts.source(source)
    return installation.revealer("test", SUBJECT_RIGHTS)(contract, installation.lakehouse.rows(contract.table))


def true_keys(installation: Installation) -> Keys:
    """Return the keys of each true person. A key that two people state belongs to one of them, as a bad match would."""
    truth = Truth.read(installation.settings.truth_dir)
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, number in (("crm_customer", "member_no"), ("loyalty_card", "card_no")):
        for row in clear(installation, source).to_pylist():
            person = truth.person_of.get((source, str(row[number])))
            if person is None:
                continue
            for kind in ("member_no", "card_no", "email", "phone"):
                if row.get(f"{kind}_token"):
                    owners[kind, row[f"{kind}_token"]].append(customer(person))
            if row.get("is_principal") == "Y":
                owners["account_no", row["account_no_token"]].append(customer(person))
    keys: Keys = [
        (kind, token, found[0]) for (kind, token), found in owners.items() if kind != "email" or len({*found}) == 1
    ]
    return keys


def customer(person: str) -> str:
    return f"c_{person}".ljust(28, "a")


def judged(installation: Installation) -> Judgement:
    truth, judgement = Truth.read(installation.settings.truth_dir), Judgement()
    tables = PersonTables(installation, "test")
    known = set(installation.lakehouse.rows("silver/identifier", ["customer_id"])["customer_id"].to_pylist())
    for person in sorted(truth.home_of):
        if customer(person) in known:
            judge(truth, person, list(tables.export(Subject("s_1", (customer(person),)))), judgement)
    return judgement


def test_no_copy_has_a_record_or_a_value_of_another_person(market: Installation) -> None:
    judgement = judged(market)
    assert judgement.findings == []
    assert judgement.unknown == 0
    assert judgement.answers >= 12
    assert judgement.rows > 1000
    assert judgement.withheld_rows > 0


def test_the_judge_finds_the_record_of_another_person(market: Installation) -> None:
    keys = true_keys(market)
    members = [key for key in keys if key[0] == "member_no"]
    wrong = [("member_no", members[1][1], members[0][2])]
    write_identifiers(market, [key for key in keys if key not in members[1:2]] + wrong)
    try:
        assert ("bronze/crm_customer", "record") in Counter((table, kind) for table, kind, _ in judged(market).findings)
    finally:
        write_identifiers(market, keys)


def test_the_judge_finds_the_name_on_a_parcel_to_another_person(
    market: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disclose(self: PersonRows, *_: object) -> int:
        return 0

    withheld = judged(market)
    monkeypatch.setattr(PersonRows, "_withhold", disclose)
    assert len(judged(market).findings) > len(withheld.findings)
