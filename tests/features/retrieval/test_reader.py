"""FeatureReader on real stores: values only as their customers permit, logged first; nothing when a part fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.errors import RetrievalFailed, TooManyCustomersError, UnknownServiceError
from features.retrieval import reader as reader_module
from features.retrieval.answer import Caller, FeatureAnswer, Reason
from features.retrieval.customer_consent import CustomerConsent
from features.retrieval.reader import DECISION_SECONDS, MOST_CUSTOMERS, FeatureReader
from features.store.opening import open_online_store
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry
from privacy.consent.errors import ConsentError, UnknownPurposeError
from privacy.shared_audit_log import SharedAuditLog
from tests.features.retrieval.feature_shop import (
    AGENT,
    FEATURES,
    FRESH,
    NOON,
    OFFICER,
    PURPOSE,
    SERVICE,
    FeatureShop,
    value_of,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[FeatureShop]:
    """A shop whose customer c_yes permits the purpose."""
    with closing(FeatureShop(tmp_path)) as opened:
        opened.state("c_yes", "given")
        opened.store(["c_yes"])
        yield opened


@pytest.fixture
def reader(shop: FeatureShop) -> Iterator[FeatureReader]:
    with shop.open() as opened:
        yield opened


def ask(reader: FeatureReader, *customers: str, purpose: str = PURPOSE, caller: Caller = OFFICER) -> FeatureAnswer:
    return reader.retrieve(customers, SERVICE, purpose, caller)


def reasons(found: FeatureAnswer, customer: str) -> set[Reason | None]:
    return {reason for who, _, _, reason in found.values() if who == customer}


def logged(shop: FeatureShop) -> list[AuditEntry]:
    return [entry for _, entry in shop.installation.audit_log.entries()]


def test_a_value_is_released_with_its_event_time_to_whom_its_customer_permits_it(reader: FeatureReader) -> None:
    found = ask(reader, "c_yes")
    assert {(f, v, r) for _, f, v, r in found.values()} == {(f, value_of("c_yes", f), None) for f in FEATURES}
    assert set(found.customers[0].event_times) == {NOON}
    assert (found.service, found.purpose, found.moment) == (SERVICE, PURPOSE, NOON)


def test_each_withheld_value_has_its_reason(shop: FeatureShop) -> None:
    for name in ("c_withdrew", "c_objected", "c_restricted", "c_unstored", "c_half"):
        shop.state(name, "given")
    shop.state("c_withdrew", "withdrawn", at=NOON)
    shop.state("c_objected", "objected", at=NOON)
    shop.state("c_restricted", "restricted", "*", at=NOON)
    shop.store(["c_withdrew", "c_objected", "c_restricted", "c_silent"])
    shop.store(["c_half"], ["trade"])
    with shop.open() as reader:
        names = (
            "c_silent",
            "c_withdrew",
            "c_objected",
            "c_restricted",
            "c_unstored",
            "c_nobody",
            "c_half",
            "",
            "\ud800",
        )
        found = ask(reader, *names)
    assert [row.customer_id for row in found.customers] == list(names)
    kinds = [reasons(found, name) for name in names]
    assert kinds == [
        {Reason.NO_CONSENT}, {Reason.NO_CONSENT}, {Reason.OBJECTED}, {Reason.RESTRICTED}, {Reason.UNKNOWN_CUSTOMER},
        {Reason.UNKNOWN_CUSTOMER}, {Reason.UNKNOWN_CUSTOMER, None}, {Reason.UNKNOWN_CUSTOMER},
        {Reason.UNKNOWN_CUSTOMER},
    ]  # fmt: skip
    assert {(f.partition(":")[0], v is None) for c, f, v, _ in found.values() if c == "c_half"} == {
        ("taste", True), ("trade", False),
    }  # fmt: skip


def test_a_value_is_stale_after_the_time_that_its_contract_states(shop: FeatureShop, reader: FeatureReader) -> None:
    shop.moment = NOON + FRESH
    assert reasons(ask(reader, "c_yes"), "c_yes") == {None}
    shop.moment += timedelta(microseconds=1)
    found = {f: (v, r) for _, f, v, r in ask(reader, "c_yes").values()}
    assert found["taste:colour"] == (None, Reason.STALE)
    assert found["trade:basket"] == (value_of("c_yes", "trade:basket"), None)


def test_a_feature_is_withheld_for_purposes_and_roles_that_may_not_use_it(reader: FeatureReader) -> None:
    found = {f: r for _, f, _, r in ask(reader, "c_yes", purpose="service_delivery").values()}
    assert found == {
        f: None if "service_delivery" in purposes else Reason.NOT_FOR_PURPOSE for f, (purposes, _) in FEATURES.items()
    }
    # The role may not read the category of one column.
    found = {f: r for _, f, _, r in ask(reader, "c_yes", caller=AGENT).values()}
    assert {f for f, reason in found.items() if reason is Reason.NOT_FOR_PURPOSE} == {"trade:income"}


def test_a_stored_null_is_released_and_a_new_feature_is_unknown_until_it_is_stored(shop: FeatureShop) -> None:
    shop.store(["c_yes"], value=lambda customer, feature: None)
    with shop.open() as reader:
        assert {(v, r) for _, _, v, r in ask(reader, "c_yes").values()} == {(None, None)}


def test_a_merged_customer_is_unknown_and_the_remaining_one_has_the_most_restrictive_consent(shop: FeatureShop) -> None:
    shop.consents.assign_all([("s_1", "c_1", NOON - timedelta(days=20)), ("s_2", "c_2", NOON - timedelta(days=20))])
    shop.state("s_1", "given")
    shop.state("s_2", "withdrawn")
    shop.store(["c_1", "c_2"])
    with shop.open() as reader:
        assert reasons(ask(reader, "c_1"), "c_1") == {None}
        shop.consents.assign("s_2", "c_1", NOON)
        reader._consent.refresh()
        found = ask(reader, "c_1", "c_2", purpose="service_delivery")
        assert reasons(found, "c_2") == {Reason.UNKNOWN_CUSTOMER, Reason.NOT_FOR_PURPOSE}
        assert reasons(ask(reader, "c_1"), "c_1") == {Reason.NO_CONSENT}


def test_a_caller_without_the_right_gets_nothing_and_the_refusal_is_logged(
    shop: FeatureShop, reader: FeatureReader
) -> None:
    asked: list[tuple[str, Caller, str, type[Exception]]] = [
        (PURPOSE, replace(OFFICER, role="nobody"), SERVICE, AccessRefused),
        (PURPOSE, replace(OFFICER, purposes=frozenset({"marketing"})), SERVICE, AccessRefused),
        ("sensitive_research", OFFICER, SERVICE, AccessRefused),
        ("marketing", AGENT, SERVICE, AccessRefused),
        ("analytics", Caller("a", "analyst"), SERVICE, AccessRefused),
        ("profit", OFFICER, SERVICE, UnknownPurposeError),
        (PURPOSE, OFFICER, "samples", UnknownServiceError),
    ]
    for purpose, caller, service, error in asked:
        with pytest.raises(error):
            reader.retrieve(["c_yes"], service, purpose, caller)
    expected = [("refused", c.name, c.role, p, f"service/{service}", None) for p, c, service, _ in asked]
    assert [(e.outcome, e.who, e.role, e.purpose, e.table, e.subjects) for e in logged(shop)] == expected


def test_more_customers_than_allowed_are_refused(reader: FeatureReader) -> None:
    assert len(ask(reader, *["c_yes"] * MOST_CUSTOMERS).customers) == MOST_CUSTOMERS
    with pytest.raises(TooManyCustomersError, match="1000"):
        ask(reader, *["c_yes"] * (MOST_CUSTOMERS + 1))


def test_the_log_names_features_and_numbers_but_no_customer(shop: FeatureShop, reader: FeatureReader) -> None:
    ask(reader, "c_yes", "c_yes", "c_nobody", caller=replace(AGENT, identity="authenticated"))
    (entry,) = logged(shop)
    assert entry.columns == tuple(f for f in reader.catalog.service(SERVICE).features if f != "trade:income")
    assert (entry.outcome, entry.subjects, entry.identity) == ("allowed", 1, "authenticated")
    assert "c_yes" not in entry.model_dump_json()


class Broken:
    """A part whose named method fails, and that counts on nothing else."""

    def __init__(self, part: Any, method: str, error: Exception) -> None:
        self._part, self._method, self._error = part, method, error

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            raise self._error
        return getattr(self._part, name)


def test_nothing_is_returned_when_a_part_fails(reader: FeatureReader) -> None:
    parts = {
        "online store": ("_store", "select"), "consent record": ("_consent", "denials"),
        "audit log": ("_audit", "append"),
    }  # fmt: skip
    for error in (OSError("disk"), sqlite3.OperationalError("locked"), RuntimeError("any")):
        for part, (field, method) in parts.items():
            whole = getattr(reader, field)
            setattr(reader, field, Broken(whole, method, error))
            with pytest.raises(RetrievalFailed, match=type(error).__name__) as raised:
                ask(reader, "c_yes")
            assert raised.value.part == part
            setattr(reader, field, whole)
            assert reasons(ask(reader, "c_yes"), "c_yes") == {None}


def test_a_refusal_that_cannot_be_logged_fails(shop: FeatureShop, reader: FeatureReader) -> None:
    (shop.installation.settings.secret_dir / "audit.anchor").unlink()
    with pytest.raises(RetrievalFailed, match="audit log"):
        ask(reader, "c_yes", purpose="profit")
    assert reader.failing_parts() == ("audit log",)


def test_the_parts_that_cannot_be_used_are_named(shop: FeatureShop, reader: FeatureReader) -> None:
    assert reader.failing_parts() == ()
    folder = shop.installation.settings.data_dir
    for name in ("online", "consent"):
        (folder / name).rename(folder / f"{name}.gone")
    assert reader.failing_parts() == ("online store", "consent record")
    for name in ("online", "consent"):
        (folder / f"{name}.gone").rename(folder / name)
    assert reader.failing_parts() == ()


def test_a_consent_record_in_the_place_of_another_decides_and_a_missing_one_fails(
    shop: FeatureShop, reader: FeatureReader
) -> None:
    path = shop.installation.consent_path
    shop.consents.close()
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    for file in files:
        with suppress(FileNotFoundError):
            file.rename(file.with_name(f"former-{file.name}"))
    with pytest.raises(ConsentError):
        reader._consent.refresh()
    with pytest.raises(RetrievalFailed, match="consent record"):
        ask(reader, "c_yes")
    shop.installation.close()
    shop.consents = shop.installation.consent_store
    assert reasons(ask(reader, "c_yes"), "c_yes") == {Reason.NO_CONSENT}


def test_a_reader_without_a_consent_record_or_with_a_damaged_store_does_not_open(tmp_path: Path) -> None:
    with closing(FeatureShop(tmp_path / "a")) as shop:
        shop.state("c_yes", "given")
        shop.store(["c_yes"])
        shop.consents.close()
        shop.installation.consent_path.unlink()
        with pytest.raises(RetrievalFailed, match="no consent record"):
            FeatureReader.open(shop.installation)
    with closing(FeatureShop(tmp_path / "b")) as shop:
        shop.state("c_yes", "given")
        shop.store(["c_yes"])
        (data,) = (tmp_path / "b" / "online").glob("*/*/data.mdb")
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2].replace(b"c_yes", b"c_yet"))
        with pytest.raises(RetrievalFailed, match="online store"):
            FeatureReader.open(shop.installation)


def test_a_withdrawal_while_the_log_is_slow_counts(shop: FeatureShop, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    installation = shop.installation
    with (
        closing(open_online_store(installation)) as store,
        closing(SharedAuditLog(installation.open_audit_log())) as audit,
    ):
        consent = CustomerConsent(installation)

        class SlowLog:
            def append(self, entry: AuditEntry) -> None:
                audit.append(entry)
                shop.state("c_yes", "withdrawn", at=NOON)
                seconds[0] += DECISION_SECONDS * 1.01
                consent.refresh()

        def reader() -> FeatureReader:
            return FeatureReader(installation, store, consent, SlowLog(), lambda: seconds[0])  # type: ignore[arg-type]

        assert reasons(ask(reader(), "c_yes"), "c_yes") == {Reason.NO_CONSENT}
        # Negative control: without the second decision, the value is released.
        shop.state("c_yes", "given", at=NOON + timedelta(seconds=1))
        shop.moment += timedelta(minutes=1)
        consent.refresh()
        monkeypatch.setattr(reader_module, "DECISION_SECONDS", 10)
        assert reasons(ask(reader(), "c_yes"), "c_yes") == {None}


def test_threads_share_a_reader_while_consents_and_rows_change(shop: FeatureShop, reader: FeatureReader) -> None:
    def read(_: int) -> list[FeatureAnswer]:
        return [ask(reader, "c_yes", "c_other") for _ in range(40)]

    shop.state("c_other", "given")
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(read, number) for number in range(4)]
        for number in range(20):
            shop.state("c_other", ("withdrawn", "given")[number % 2], at=NOON - timedelta(minutes=30 - number))
            shop.store(["c_other"], at=NOON + timedelta(seconds=number))
        answers = [answer for future in running for answer in future.result()]
    released = [(c, f, v) for answer in answers for c, f, v, reason in answer.values() if reason is None]
    assert all(value == value_of(customer, feature) for customer, feature, value in released)
    assert {reason for answer in answers for reason in reasons(answer, "c_yes")} == {None}
    assert [entry.outcome for entry in logged(shop)] == ["allowed"] * 160
    assert shop.installation.audit_log.verify() == []


def test_historic_data_is_decided_for_the_end_of_its_date(tmp_path: Path, shop: FeatureShop) -> None:
    (tmp_path / "run_date.toml").write_text("run_date = 2026-05-01\n", "utf-8")
    with shop.open() as reader:
        assert ask(reader, "c_yes").moment == datetime(2026, 5, 1, 23, 59, 59, 999999)
        assert ask(reader, "c_yes").moment == shop.installation.decision_moment()


def test_a_forked_process_must_open_its_own_reader(reader: FeatureReader, monkeypatch: pytest.MonkeyPatch) -> None:
    number = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: number + 1)
    with pytest.raises(RetrievalFailed, match="each process"):
        ask(reader, "c_yes")


def test_a_closed_reader_returns_nothing(shop: FeatureShop) -> None:
    reader = shop.open()
    reader.close()
    with pytest.raises(RetrievalFailed, match="audit log"):
        ask(reader, "c_yes")
