"""What a copy of personal data contains in a home that shares telephone, address and account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from installation.installation import Installation
from installation.rights import own_row
from installation.rights.access_answer import AnswerSources
from installation.rights.person_table import PersonTables
from pipelines.erasure.subject_lookup import find_subject
from pipelines.unify.customer_of import PRIORITY
from privacy.audit import AuditLog
from privacy.rights.subject import Subject
from privacy.rights.subject_store import ExportedTable
from tests.pipelines.rights.family import MOTHER, SHARED_PHONE, SON, open_family, subject_of


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with open_family(tmp_path_factory.mktemp("family")) as installation:
        yield installation


def copy_of(installation: Installation, subject: Subject) -> dict[str, ExportedTable]:
    return {table.name: table for table in PersonTables(installation, "test").export(subject)}


def test_the_mother_gets_her_records_and_no_name_of_her_son(family: Installation) -> None:
    tables = copy_of(family, subject_of(family, MOTHER))
    assert [row["name"] for row in tables["bronze/crm_customer"].rows] == ["박은주"]
    assert tables["bronze/crm_customer"].rows[0]["phone"] == SHARED_PHONE
    assert len(tables["bronze/cj_transactions"].rows) == 2
    assert "김하늘소리" not in str(tables)
    assert "son@mail.example" not in str(tables)


def test_the_son_gets_no_purchase_of_the_shared_account(family: Installation) -> None:
    tables = copy_of(family, subject_of(family, SON))
    assert [row["name"] for row in tables["bronze/crm_customer"].rows] == ["김하늘소리"]
    assert {name for name, table in tables.items() if table.rows} == {"bronze/crm_customer", "silver/identifier"}
    assert "박은주" not in str(tables)
    looked_up = copy_of(family, find_subject(family, SON))
    assert "bronze/cj_transactions" not in looked_up, "purchases of the account are not even counted for the son"


def test_name_number_and_address_of_a_parcel_to_somebody_else_are_withheld(family: Installation) -> None:
    parcels = copy_of(family, subject_of(family, MOTHER))["bronze/delivery"]
    own, others = sorted(parcels.rows, key=lambda row: row["delivery_no"])
    assert (own["receiver_name"], own["address"]) == ("박은주", "경기도 용인시 수지구 상현로 210")
    assert (others["receiver_name"], others["address"], others["dong"]) == (None, None, None)
    assert others["order_no"] == 31818756114
    assert parcels.withheld_values >= 3


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_ticket_with_nothing_but_a_telephone_is_counted_and_not_shown(family: Installation, is_shared: bool) -> None:
    subject = subject_of(family, MOTHER)
    tickets = copy_of(family, subject if is_shared else replace(subject, shared_tokens=()))["bronze/support_ticket"]
    assert [row["ticket_id"] for row in tickets.rows] == ["T-00000001"]
    assert tickets.withheld_rows == 1


def test_without_the_strict_rule_the_unclear_ticket_is_disclosed(
    family: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_row, "STRONG", (*own_row.STRONG, *own_row.WEAK))
    monkeypatch.setattr(own_row, "WEAK", ())
    tickets = copy_of(family, replace(subject_of(family, MOTHER), shared_tokens=()))["bronze/support_ticket"]
    assert [row["ticket_id"] for row in tickets.rows] == ["T-00000001", "T-00000002"]


def test_the_look_up_of_an_erasure_leads_to_the_same_copy(family: Installation) -> None:
    found = find_subject(family, MOTHER)
    assert copy_of(family, found).keys() == copy_of(family, subject_of(family, MOTHER)).keys()
    assert "김하늘소리" not in str(copy_of(family, found))


def test_strong_and_weak_keys_are_those_by_which_profiles_are_built() -> None:
    assert (*own_row.STRONG, *own_row.WEAK) == PRIORITY


def test_every_field_has_plain_name_purpose_source_and_retention(family: Installation) -> None:
    for table in copy_of(family, subject_of(family, MOTHER)).values():
        assert all((table.title.en, table.title.ko))
        for field in table.fields:
            for wording in (field.title, field.source, field.retention):
                assert all((wording.en, wording.ko)), (table.name, field.name)
            assert field.purposes, (table.name, field.name)


def test_an_answer_is_in_the_audit_log_without_a_value(family: Installation) -> None:
    class Store:
        name = "tables"

        def find(self, subject: Subject) -> tuple[()]:
            return ()

        def export(self, subject: Subject) -> Iterator[ExportedTable]:
            return PersonTables(family, "test").export(subject)

    answer = AnswerSources(family, [Store()], [], "officer").answer(subject_of(family, MOTHER), "q_1", "KR")  # type: ignore[list-item]
    log: AuditLog = family.audit_log
    entries = [entry for _, entry in log.entries()]
    assert [(e.who, e.action, e.subjects) for e in entries][-1] == ("officer", "disclose", 1)
    assert {e.purpose for e in entries} == {"subject_rights"}
    assert "박은주" not in str(entries)
    assert answer.row_count > 5
    assert "박은주" not in repr(answer)


def test_a_decision_that_nobody_makes_is_answered_by_all_decisions(family: Installation) -> None:
    one, two = SimpleNamespace(name="one"), SimpleNamespace(name="two")
    explainer = SimpleNamespace(names=("one", "two"), explain=lambda subject: iter((one, two)))
    sources = AnswerSources(family, [], [explainer], "officer")  # type: ignore[list-item]
    subject = subject_of(family, MOTHER)
    assert sources.decisions(subject, "two") == (two,)
    assert sources.decisions(subject, "tow") == sources.decisions(subject) == (one, two)
