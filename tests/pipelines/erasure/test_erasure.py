"""An erased person is in no table, version, log or landed file, stays away, and nobody else's row changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from installation.installation import Installation
from pipelines.erasure import delta_history, lakehouse_store
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.landing_store import LandingStore
from pipelines.erasure.restored_table import keep_erased
from pipelines.erasure.subject_lookup import PRIORITY, UnknownPersonError, find_subject
from pipelines.ingest.quarantine_replay import replay_quarantine
from pipelines.ingest.suppressed_row import ATTACH_KINDS, PersonRows
from pipelines.register import record
from pipelines.unify import customer_of
from privacy.protection.revealer import LEGAL_RECORDS
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.pipelines.erasure.small_market import BADA, EMAIL, HANEUL, MARU, basket_lines, land, load, open_market

_OWN = {"M000000001", EMAIL, "9410000010000001", "s_000000001", "T-00000001", "T-00000003"}


def erase(market: Installation, subject: Subject) -> None:
    for store in (LakehouseStore(market), LandingStore(market)):
        assert store.erase([subject]).kind is OutcomeKind.DONE


def residues(market: Installation, subject: Subject) -> set[str]:
    found = [store.verify([subject]) for store in (LakehouseStore(market), LandingStore(market))]
    assert not [part for one in found for part in one.unverifiable]
    return {part for one in found for part in one.residues}


def rows_of(market: Installation) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, without the technical columns, in a fixed order."""
    root = market.lakehouse.root
    tables = {location.removeprefix(f"{root}/"): location for location in find_tables(root)}
    return {
        name: sorted(
            (
                {k: v for k, v in row.items() if k not in ("_loaded_at", "_load_id")}
                for row in market.lakehouse.rows(name).to_pylist()
            ),
            key=repr,
        )
        for name in tables
    }


def test_the_look_up_separates_own_from_shared_identifiers(market: Installation) -> None:
    subject = find_subject(market, HANEUL)
    kinds = {kind for kind, _ in subject.tokens}
    assert {"member_no", "email", "card_no", "order_id", "session_id"} <= kinds
    assert {kind for kind, _ in subject.shared_tokens} == {"phone", "account_no", "device_id", "name"}
    assert {needle.value for needle in subject.needles} == {"M000000001", EMAIL, "9410000010000001"}
    assert set(subject.customer_ids) == {HANEUL, "c_" + "d" * 26}
    assert EMAIL not in repr(subject)
    assert HANEUL not in repr(subject)
    assert PRIORITY == customer_of.PRIORITY
    assert record.ATTACH_KINDS == ATTACH_KINDS
    with pytest.raises(UnknownPersonError):
        find_subject(market, "c_' OR '1'='1")
    with pytest.raises(UnknownPersonError):
        find_subject(market, "c_" + "x" * 26)


def test_an_erased_person_is_nowhere_and_no_other_row_changes(market: Installation) -> None:
    subject, before = find_subject(market, HANEUL), rows_of(market)
    assert len(residues(market, subject)) > 10  # the verification finds the person as long as it is there
    erase(market, subject)
    assert residues(market, subject) == set()
    after = rows_of(market)
    for table, rows in after.items():
        kept = [row for row in rows if row in before[table]]
        changed = [row for row in rows if row not in before[table]]
        if table in ("bronze/cj_transactions", "bronze/delivery", "bronze/support_ticket"):
            # The law keeps these rows; no token is left in them.
            assert not [value for row in changed for name, value in row.items() if name.endswith("_token") and value]
        elif table == "silver/identifier":
            # Maru's phone once belonged to Haneul's id; only that id goes.
            assert [(row["customer_id"], row["previous_customer_id"]) for row in changed] == [(MARU, None)]
        else:
            assert changed == [], table
        assert len(kept) + len(changed) <= len(before[table])
    assert {row["customer_id"] for row in after["gold/customer_demographic"]} == {BADA, MARU}
    assert len(after["bronze/cj_transactions"]) == 4
    assert len(after["bronze/web_session"]) == 2
    landing = market.settings.landing_dir
    assert pq.read_table(landing / "cj_transactions" / "transactions-000.parquet")["household_id"].to_pylist() == [9]
    assert (landing / "loyalty_card" / "loyalty_card-000.csv").read_text("cp949").count("\n") == 2
    crm = (landing / "crm_customer" / "crm_customer-000.csv").read_bytes()
    assert crm.startswith(b"\xef\xbb\xbf")
    assert '옥수로 1"'.encode() not in crm
    assert crm.count(b"\n") == 3


def test_fields_that_the_law_keeps_open_for_that_purpose_only(market: Installation) -> None:
    subject = find_subject(market, HANEUL)
    outcome = LakehouseStore(market).erase([subject])
    kept = {one.part: one for one in outcome.retained}
    assert kept["bronze/cj_transactions"].rows == 3
    assert kept["bronze/cj_transactions"].until == "2022-01-02"
    assert "household_id" in kept["bronze/cj_transactions"].fields
    assert kept["bronze/delivery"].rows == 1
    contract = market.contracts["source.delivery"]
    rows = market.lakehouse.rows(contract.table)
    clear = {purpose: market.revealer("test", purpose)(contract, rows)["receiver_name"].to_pylist()
             for purpose in (LEGAL_RECORDS, "identity_resolution")}  # fmt: skip
    assert sorted(clear[LEGAL_RECORDS]) == ["김하늘", "김하늘"]
    assert [name for name in clear["identity_resolution"] if name] == ["김하늘"]  # Maru's parcel
    again = LakehouseStore(market).erase([subject])  # a repetition states the same
    assert {one.part: one.rows for one in again.retained}["bronze/cj_transactions"] == 3


@pytest.mark.parametrize("source_changed", [False, True])
def test_no_load_brings_an_erased_person_back(market: Installation, source_changed: bool) -> None:
    subject = find_subject(market, HANEUL)
    erase(market, subject)
    before = rows_of(market)
    shutil.rmtree(market.settings.landing_dir)
    land(market.settings.landing_dir)  # the same exports again, also under other names
    if source_changed:
        for path in sorted(market.settings.landing_dir.rglob("*.csv")):
            path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])
            path.rename(path.with_name(f"again-{path.name}"))
    load(market)
    contract = market.contracts["source.support_ticket"]
    replay_quarantine(contract, market.lakehouse, market.protection, market.clock)
    rules = PersonRows(market.suppression, market.tokenizer)
    for source in market.contracts.sources:
        if market.lakehouse.exists(source.table) and source.legal_bases.get("legal_records") != "legal_duty":
            rows = market.lakehouse.rows(source.table).combine_chunks()
            columns = {name: rows[name].chunk(0) for name in rows.column_names if rows.num_rows}
            assert not rules.of_source(source, columns, rows.num_rows).any(), source.table
    assert LakehouseStore(market).verify([subject]).residues == ()
    if not source_changed:
        assert {table: len(rows) for table, rows in rows_of(market).items()} == {t: len(r) for t, r in before.items()}


def test_later_purchases_on_a_shared_account_are_loaded(market: Installation) -> None:
    erase(market, find_subject(market, HANEUL))
    folder = market.settings.landing_dir / "cj_transactions"
    pq.write_table(basket_lines([(7, 41000000001)], datetime(2017, 8, 1)), folder / "later.parquet")
    pq.write_table(basket_lines([(7, 41000000002)], datetime(2017, 2, 1)), folder / "earlier.parquet")
    with open_market(market.settings.data_dir.parent, datetime(2017, 9, 1)) as later:
        assert load(later) == 1
    orders = market.lakehouse.rows("bronze/cj_transactions", ["basket_id"])["basket_id"].to_pylist()
    assert 41000000001 in orders
    assert 41000000002 not in orders


def test_a_later_customer_may_have_the_name_and_the_number_of_an_erased_one(market: Installation) -> None:
    erase(market, find_subject(market, MARU))  # whose phone nobody shares
    later = datetime(2017, 9, 1)
    path = market.settings.landing_dir / "crm_customer" / "later.csv"
    header = path.with_name("crm_customer-000.csv").read_text("utf-8-sig").splitlines()[0]
    row = "M000000009,김하늘,,1999-01-01,여,010-3333-4444,new@naver.example,서울 9,09293,서울특별시,성동구,옥수동,12,Y,"
    path.write_text(f"{header}\n{row}2017-08-01,정상,2017-08-01 20:50:15\n", encoding="utf-8-sig")
    with open_market(market.settings.data_dir.parent, later) as installation:
        assert load(installation) == 1
        assert keep_erased(installation).rows == 0
        subject = find_subject(installation, HANEUL)
        LakehouseStore(installation).erase([subject])  # the next erasure leaves the later customer alone
        assert installation.lakehouse.rows("bronze/crm_customer").num_rows == 2  # Bada and the later customer


def test_an_erased_person_who_registers_anew_is_loaded_and_stays(market: Installation) -> None:
    subject, tokens = find_subject(market, HANEUL), market.tokenizer
    # The pipeline's own tables have a key of name and phone as well.
    name_phone = tokens.token("name_phone", "김하늘|01011112222")
    assert name_phone is not None
    erase(market, replace(subject, tokens=(*subject.tokens, ("name_phone", name_phone))))
    path = market.settings.landing_dir / "crm_customer" / "later.csv"
    header = path.with_name("crm_customer-000.csv").read_text("utf-8-sig").splitlines()[0]
    same = f"김하늘,,1980-01-01,여,010-1111-2222,{EMAIL},서울 9,09293,서울특별시,성동구,옥수동,12,Y,"
    rows = [
        f"M000000009,{same}2017-08-01,정상,2017-08-01 20:50:15",  # registered after the erasure
        f"M000000001,{same}2011-01-01,정상,2017-08-01 20:50:15",  # the erased registration, which its source changed
        f"M000000008,{same}2017-05-01,정상,2017-05-01 20:50:15",  # another one from before the erasure
    ]
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8-sig")
    with open_market(market.settings.data_dir.parent, datetime(2017, 9, 1)) as installation:
        assert load(installation) == 1
        customer = "c_" + "e" * 26
        keys = [("email", tokens.token("email", EMAIL)), ("name_phone", name_phone)]
        identifiers = installation.lakehouse.rows("silver/identifier").to_pylist()
        new = [{"token_kind": k, "token": t, "customer_id": customer, "previous_customer_id": None} for k, t in keys]
        installation.lakehouse.overwrite_rows("silver/identifier", pa.Table.from_pylist([*identifiers, *new]))
        erase(installation, find_subject(installation, MARU))  # the next erasure leaves the new customer alone
        kept = installation.lakehouse.rows("bronze/crm_customer").to_pylist()
        assert sorted(str(row["joined_on"]) for row in kept) == ["2011-01-01", "2017-08-01"]
        known = installation.lakehouse.rows("silver/identifier").to_pylist()
        assert sum(row["customer_id"] == customer for row in known) == 2


@pytest.mark.parametrize("restored", ["lakehouse", "lakehouse/gold/customer_demographic"])
def test_a_restored_backup_is_erased_again_before_anything_is_built(
    market: Installation, tmp_path: Path, restored: str
) -> None:
    data = market.settings.data_dir
    shutil.copytree(data, tmp_path / "backup")
    subject = find_subject(market, HANEUL)
    erase(market, subject)
    keep_erased(market)
    assert keep_erased(market).tables == 0  # nothing to do while nothing is restored
    shutil.rmtree(data / restored)
    shutil.copytree(tmp_path / "backup" / restored, data / restored)
    assert LakehouseStore(market).verify([subject]).residues  # the backup did hold the person
    assert keep_erased(market).rows > 0
    assert LakehouseStore(market).verify([subject]).residues == ()
    # A required field of a kept row stays filled, so that the checks of the table hold.
    assert market.lakehouse.rows("bronze/cj_transactions")["household_id"].null_count == 0
    assert keep_erased(market).rows == 0
    load(market)
    assert LakehouseStore(market).verify([subject]).residues == ()


def _skip_rewrite(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lakehouse_store, "rewrite_table", lambda *_: lakehouse_store.Rewrite())


def _keep_history(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lakehouse_store, "forget_history", lambda *_: 0)


def _keep_log(patch: pytest.MonkeyPatch) -> None:
    """Deletes data files only, as a vacuum does, and leaves the log."""
    unneeded = delta_history._unneeded
    patch.setattr(delta_history, "_unneeded", lambda *a: (p for p in unneeded(*a) if "_delta_log" not in p))


def _forget_suppression(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LakehouseStore, "suppress", lambda *_: 0)


@pytest.mark.parametrize("broken", [_skip_rewrite, _keep_history, _keep_log, _forget_suppression])
def test_a_step_that_was_left_out_is_found(
    market: Installation, monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    subject = find_subject(market, HANEUL)
    broken(monkeypatch)
    LakehouseStore(market).erase([subject])
    assert LakehouseStore(market).verify([subject]).residues


def test_what_another_program_left_in_a_table_is_found_and_erased(market: Installation) -> None:
    """An aborted write, a literal predicate in the log, a checksum file, a copy without a contract, an old version."""
    location = market.lakehouse.path("gold/customer_demographic")
    rows = market.lakehouse.rows("gold/customer_demographic")
    pq.write_table(rows, f"{location}/part-aborted.parquet")
    Path(location, "_delta_log", "00000000000000000000.crc").write_text(json.dumps({"allFiles": [HANEUL]}))
    write_deltalake(market.lakehouse.path("gold/copy"), rows, partition_by=["customer_id"])
    token = market.tokenizer.token("email", EMAIL)
    write_deltalake(market.lakehouse.path("gold/token_list"), rows.add_column(0, "note", [[f"email:{token}"] * 3]))
    DeltaTable(location).delete(f"customer_id = '{HANEUL}'")
    subject = find_subject(market, HANEUL)
    assert len({part for part in LakehouseStore(market).verify([subject]).residues if part.startswith("gold/")}) >= 4
    erase(market, subject)
    assert residues(market, subject) == set()
    assert market.lakehouse.rows("gold/copy")["customer_id"].to_pylist() != []
    assert not [path for path in Path(location).parent.rglob("*") if HANEUL in path.name]


def test_a_file_that_cannot_be_written_keeps_the_request_open(market: Installation) -> None:
    subject = find_subject(market, HANEUL)
    landing = market.settings.landing_dir
    (landing / "crm_customer" / "broken-000.csv").write_bytes(f"no,header\n1,{EMAIL}\n".encode())
    LakehouseStore(market).suppress([subject])
    assert LandingStore(market).erase([subject]).kind is OutcomeKind.FAILED
    found = LandingStore(market).verify([subject])
    assert "landing/crm_customer: identifiers in a file that cannot be read as its source" in found.residues


def test_a_damaged_table_fails_and_is_named(market: Installation) -> None:
    subject = find_subject(market, HANEUL)
    location = Path(market.lakehouse.path("gold/customer_demographic"))
    next(location.glob("*.parquet")).write_bytes(b"PAR1 damaged PAR1")
    outcome = LakehouseStore(market).erase([subject])
    assert outcome.kind is OutcomeKind.FAILED
    assert "gold/customer_demographic" in outcome.reason
    assert LakehouseStore(market).verify([subject]).unverifiable


def test_a_table_without_a_key_keeps_the_request_open_and_is_named(market: Installation) -> None:
    market.lakehouse.overwrite_rows("gold/mailing", pa.table({"address": [EMAIL, "bada@naver.example"]}))
    subject = find_subject(market, HANEUL)
    LakehouseStore(market).erase([subject])
    found = LakehouseStore(market).verify([subject]).residues
    assert {part.split(":")[0] for part in found} == {"gold/mailing"}
