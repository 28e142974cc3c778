"""Exports of an audience into files equal an independent query, and those who left are named once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from features.destination.disclosure import disclosures_of
from features.destination.errors import DestinationError
from features.destination.file_export import FileExport
from features.destination.subject_store import DestinationNotices
from features.insight.audience.errors import NearIdenticalError
from features.retrieval.answer import Caller
from installation.destination_settings import DestinationSettings, FileFormat, Identifier
from installation.rights.own_row import PersonRows
from privacy.access.errors import AccessRefused
from privacy.protection.revealer import Revealer
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.features.destination.export_shop import MARKETER, NAMES, ExportShop, cells


@pytest.fixture
def export(tmp_path: Path) -> Iterator[ExportShop]:
    made = ExportShop.open(tmp_path)
    with closing(made.shop):
        yield made


def test_a_hashed_list_equals_an_independent_query_with_consent_applied(export: ExportShop) -> None:
    export.say(NAMES[70:75], "audience_sharing", "withdrawn")
    export.say(NAMES[75:78], "marketing", "withdrawn")
    export.say([NAMES[10]], "audience_sharing", "withdrawn")
    report = export.export()
    assert export.members() == export.expected() != export.expected(with_consent=False)
    assert (report.changed, report.left_out) == (50 - 8, 5 + 10)  # five permit marketing alone, ten are in no register
    # Number 90 is a member and shares the phone of number 10, who does not permit the sharing.
    (shared,) = [row for row in export.members() if row[0] == digest("person90@mail.example")]
    assert shared[1] == ""
    export.export("meta", Identifier.META)
    assert export.members("meta") == export.expected(plus="")


def test_without_the_consent_check_the_query_differs(export: ExportShop, monkeypatch: pytest.MonkeyPatch) -> None:
    export.say(NAMES[70:75], "audience_sharing", "withdrawn")
    monkeypatch.setattr(FileExport, "_permitting", lambda _, customers, *__: set(customers))
    export.export()
    assert export.members() != export.expected()


@pytest.mark.parametrize("seed", range(3))
def test_members_and_leavers_over_random_weeks(export: ExportShop, seed: int) -> None:
    """The list equals the query after each change, and the unsubscribe list is what the former one had beyond it."""
    draw, before, lists = Random(seed), set[str](), 0
    for _ in range(5):
        export.say(draw.sample(NAMES, 12), draw.choice(["marketing", "audience_sharing"]), "withdrawn")
        export.say(draw.sample(NAMES, 6), draw.choice(["marketing", "audience_sharing"]), "given")
        export.order({name: max(0, number + draw.randint(-20, 20)) for number, name in enumerate(NAMES)})
        export.export()
        now = cells(export.members())
        assert export.members() == export.expected()
        left = export.left()
        assert cells(left[-1] if len(left) > lists else ()) == before - now
        before, lists = now, len(left)
    assert lists


def test_a_withdrawal_is_in_the_next_unsubscribe_list_and_in_no_later_export(export: ExportShop) -> None:
    export.export()
    gone = {digest("person100@mail.example"), digest("+821055550100")}
    assert gone <= cells(export.members())
    export.say([NAMES[100]], "audience_sharing", "withdrawn")
    assert export.export().removed == 1
    assert [cells(one) for one in export.left()] == [gone]
    for _ in range(2):
        export.export()
        assert not gone & cells(export.members())
    assert len(export.left()) == 1


def test_a_leaver_who_is_forgotten_is_noticed(export: ExportShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the tests above: without the comparison, what left the list is in no unsubscribe list."""
    export.export()
    before = cells(export.members())
    export.say([NAMES[100]], "audience_sharing", "withdrawn")
    with monkeypatch.context() as broken:
        broken.setattr(FileExport, "_gone", lambda *_: ([], 0))
        export.export()
    assert before - cells(export.members())
    assert export.left() == []


@pytest.mark.parametrize("stage", [
    "disclosure.Disclosure.note", "file_export.FileExport._unsubscribe", "sent_profile.SentProfiles.save",
    "file_export.write_list",
])  # fmt: skip
def test_an_export_that_was_killed_forgets_no_leaver(
    export: ExportShop, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    export.export()
    export.say([NAMES[100]], "audience_sharing", "withdrawn")
    with monkeypatch.context() as broken:
        broken.setattr(f"features.destination.{stage}", fail)
        with pytest.raises(KeyboardInterrupt):
            export.export()
    export.export()
    assert export.members() == export.expected()
    assert digest("person100@mail.example") in {cell for one in export.left() for cell in cells(one)}


def test_a_changed_contact_is_replaced_by_the_new_one(export: ExportShop) -> None:
    export.export()
    changed = replace(export.people["c_101"], email="new101@mail.example")
    export.people["c_101"] = changed
    export.register([changed])
    report = export.export()
    assert (report.changed, report.removed) == (1, 0)
    assert cells(export.left()[-1]) == {digest("person101@mail.example")}
    assert digest("new101@mail.example") in cells(export.members())


def test_lists_of_ids_in_parquet(export: ExportShop) -> None:
    export.say(NAMES[80:83], "marketing", "withdrawn")
    # The consent to sharing is not asked for: the receiver sends for the shop, and gets no contact.
    export.say(NAMES[90:95], "audience_sharing", "withdrawn")
    export.export("mail", Identifier.CUSTOMER_ID, "marketing", FileFormat.PARQUET)
    path = export.folder / "mail_members.parquet"
    assert set(pq.read_table(path)["customer_id"].to_pylist()) == export.expected_ids()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_refused_audience_gets_nobody_new_and_loses_who_withdraws(
    export: ExportShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    export.export()
    before = cells(export.members())
    export.order({name: number + 5 for number, name in enumerate(NAMES)})
    export.say([NAMES[100]], "marketing", "withdrawn")
    with monkeypatch.context() as refused:
        refused.setattr("features.destination.file_export.Audiences.members", refuse)
        assert "too few customers" in export.export().fault
    gone = {digest("person100@mail.example"), digest("+821055550100")}
    assert cells(export.members()) == before - gone
    assert cells(export.left()[-1]) == gone
    export.shop.audiences.store.delete("regulars")
    assert "no audience" in export.export().fault
    assert export.members() == set()
    assert cells(export.left()[-1]) == before - gone


def test_fewer_than_ten_are_no_list(export: ExportShop) -> None:
    export.export()
    export.say(NAMES[65:], "audience_sharing", "withdrawn")
    before = cells(export.members())
    assert export.export().removed == 50
    assert export.members() == set()
    assert cells(export.left()[-1]) == before


def test_each_export_is_a_disclosure_that_a_request_of_the_person_finds(export: ExportShop) -> None:
    export.export(by=MARKETER)
    export.say([NAMES[100]], "audience_sharing", "withdrawn")
    export.export()
    shown = {name: disclosed(export, name) for name in ("c_100", "c_101", "c_020")}
    assert [len(rows) for rows in shown.values()] == [1, 2, 0]
    row = shown["c_100"][0]
    assert (row["destination"], row["purpose"], row["audience"]) == ("ads", "audience_sharing", "regulars")
    assert row["content"] == "SHA-256 of email, SHA-256 of phone"
    past = disclosures_of(export.shop.installation.lakehouse, "regulars", 20)
    assert [one.count for one in past] == [49, 50]
    entries = [entry for entry in export.shop.logged() if entry.action == "export" and entry.table == "destination/ads"]
    assert [(one.who, one.role, one.identity, one.subjects) for one in entries] == [
        ("minji", "marketer", "authenticated", 50), ("destination ads", "campaign_tool", "declared", 49),
    ]  # fmt: skip


def test_nothing_is_written_if_it_cannot_be_logged(export: ExportShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("features.destination.disclosure.Disclosure.note", fail)
    with pytest.raises(OSError, match="full"):
        export.export()
    assert not export.folder.exists()


def test_contacts_are_opened_for_this_purpose_only_and_of_members_only(
    export: ExportShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    reveal = Revealer.__call__
    monkeypatch.setattr(Revealer, "__call__", lambda *args: opened.append(args[2].num_rows) or reveal(*args))
    export.export()
    # The e-mail addresses and the phone numbers of 50 members, the shared phone once.
    assert sorted(opened) == [50, 50]
    purposes = {entry.purpose for entry in export.shop.logged() if entry.table == "bronze/crm_customer"}
    assert purposes == {"audience_sharing"}
    with pytest.raises(DestinationError, match="audience_sharing only"):
        export.export("other", purpose="marketing")


def test_who_may_ask(export: ExportShop) -> None:
    for by in (replace(MARKETER, purposes=frozenset({"personalisation"})), Caller("analyst", "analyst")):
        with pytest.raises(AccessRefused):
            export.export(by=by)
    with pytest.raises(ValidationError, match="one of webhook, kafka and file"):
        DestinationSettings(purpose="marketing", role="campaign_tool", audience="regulars")
    with pytest.raises(ValidationError, match="an audience and no table"):
        DestinationSettings.model_validate(
            {"table": "gold/trade", "columns": ("a",), "purpose": "marketing", "role": "agent", "file": {"folder": "x"}}
        )


def test_no_list_stays_beside_the_data(export: ExportShop) -> None:
    export.folder = export.shop.installation.settings.data_dir / "export"
    with pytest.raises(DestinationError, match="data_dir"):
        export.export()


def test_an_erasure_names_the_person_and_takes_the_list_away(export: ExportShop) -> None:
    export.export()
    outcome = DestinationNotices(export.shop.installation).erase([Subject("s_1", ("c_100",))])
    assert outcome.kind is OutcomeKind.DONE
    assert cells(export.left()[-1]) == {digest("person100@mail.example"), digest("+821055550100")}
    assert not (export.folder / "ads_members.csv").exists()


def test_old_unsubscribe_lists_are_deleted(export: ExportShop) -> None:
    export.export()
    export.say([NAMES[100]], "audience_sharing", "withdrawn")
    export.export()
    (path,) = export.folder.glob("ads_unsubscribe_*")
    export.shop.moment += timedelta(days=20000)
    export.export()
    assert not path.exists()


def disclosed(export: ExportShop, customer: str) -> list[Mapping[str, object]]:
    """Return the rows of silver/disclosure that the answer to a request of the person has."""
    person = PersonRows(export.shop.installation, Subject("s_1", (customer,)), "test")
    (contract,) = [one for one in person.contracts if one.table == "silver/disclosure"]
    return list(person.read(contract).rows)


def refuse(*_: object) -> None:
    raise NearIdenticalError


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
