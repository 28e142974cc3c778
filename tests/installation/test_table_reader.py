"""Installation.table_reader on real tables and stores: consent as of now, every read and refusal in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.access import reader as reader_module
from privacy.access.errors import AccessRefused
from privacy.access.reader import TableReader
from privacy.audit import AuditError
from privacy.consent.service import Statement, Terms
from privacy.errors import PrivacyError

TABLE, CALL, ADULT = "gold/customer_lifestyle", Statement("call_center"), Terms("2026.1", age_years=30)
READ = (TABLE, "analyst", "analytics", ["customer_id", "hobbies"])


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose customers c_1 and c_2 permit analytics; some row has no customer."""
    with Installation(load_settings(data_dir=tmp_path, lakehouse_root=str(tmp_path / "lakehouse"))) as opened:
        keys = {"token_kind": ["card"] * 2, "token": ["t_1", "t_2"], "customer_id": ["c_1", "c_2"]}
        opened.lakehouse.overwrite_rows("silver/identifier", pa.table(keys))
        rows = {"customer_id": ["c_1", "c_2", None, "c_unknown"], "hobbies": ["a", "b", "c", "d"]}
        opened.lakehouse.overwrite_rows(TABLE, pa.table(rows))
        for customer in ("c_1", "c_2"):
            opened.consent_service().grant(customer, "analytics", ADULT, CALL)
        yield opened


def hobbies(installation: Installation) -> list[str]:
    found: list[str] = installation.table_reader("somebody").read(*READ).frame["hobbies"].to_pylist()
    return found


def test_a_statement_through_the_same_installation_counts_at_the_next_read(installation: Installation) -> None:
    service = installation.consent_service()
    assert hobbies(installation) == ["a", "b"]
    service.withdraw("c_1", "analytics", CALL)
    assert hobbies(installation) == ["b"]
    service.restrict("c_2", "*", CALL, "KR")
    assert hobbies(installation) == []
    service.lift("c_2", "*", "restriction", CALL, "KR")
    service.grant("c_1", "analytics", ADULT, CALL)
    assert hobbies(installation) == ["a", "b"]


def test_a_read_or_refusal_that_cannot_be_logged_returns_no_rows(installation: Installation) -> None:
    reader = installation.table_reader("somebody")
    assert reader.read(*READ).subjects == 2
    (installation.settings.secret_dir / "audit.anchor").unlink()
    with pytest.raises(AuditError):
        reader.read(*READ)
    with pytest.raises(AuditError):
        reader.read(TABLE, "analyst", "marketing")
    assert len(list(installation.audit_log.entries())) == 1


@pytest.mark.parametrize("odd", ["", "x" * 300, "\udcff", "a\nb\0"])
def test_a_read_that_names_odd_things_is_refused_and_logged(installation: Installation, odd: str) -> None:
    reads = ((odd, "analyst", "analytics"), (TABLE, odd, "analytics"), (TABLE, "analyst", odd))
    for read in reads:
        with pytest.raises(PrivacyError):
            installation.table_reader("somebody").read(*read)
    assert installation.table_reader(odd).read(*READ).subjects == 2
    assert [entry.outcome for _, entry in installation.audit_log.entries()] == ["refused"] * 3 + ["allowed"]
    assert installation.audit_log.verify() == []


def test_no_column_and_an_encrypted_column_are_refused_with_the_reason(installation: Installation) -> None:
    reader = installation.table_reader("somebody")
    with pytest.raises(AccessRefused, match="Got no column of gold/customer_lifestyle; expected one of customer_id"):
        reader.read(TABLE, "analyst", "analytics", [])
    with pytest.raises(AccessRefused, match="Got the limit -1; expected 0 or more"):
        reader.read(*READ, limit=-1)
    with pytest.raises(AccessRefused, match="comment is stored encrypted"):
        reader.read("bronze/nps_survey", "privacy_officer", "analytics", ["score", "comment"])


DEMOGRAPHIC = "gold/customer_demographic"
PEOPLE = {"customer_id": ["c_1", "c_2"], "age_band": ["35-44", "45-54"], "beliefs": ["none", "strong"]}


@pytest.fixture
def people(installation: Installation) -> TableReader[Any]:
    """A reader of two customers, whose beliefs an analyst may not read for analytics."""
    installation.lakehouse.overwrite_rows(DEMOGRAPHIC, pa.table(PEOPLE))
    return installation.table_reader("somebody")


def ages(reader: TableReader[Any], role: str = "analyst", **selection: str) -> list[str]:
    read = reader.read(DEMOGRAPHIC, role, "analytics", ["age_band"], **selection)  # type: ignore[arg-type]
    found: list[str] = read.frame["age_band"].to_pylist()
    return found


def test_a_condition_on_a_column_that_may_not_be_read_is_refused_with_the_reason(people: TableReader[Any]) -> None:
    for where in ("beliefs = 'strong'", "age_band = '45-54' or not (beliefs is null)"):
        with pytest.raises(AccessRefused, match="beliefs does not serve analytics"):
            ages(people, where=where)


def test_without_the_check_a_condition_would_tell_the_forbidden_value(
    people: TableReader[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reader_module.plan_read
    readable = original(people.contracts.table(DEMOGRAPHIC), "analyst", "analytics", people.roles, people.policy)
    monkeypatch.setattr(
        reader_module, "plan_read", lambda *given: readable if "beliefs" in (given[5] or ()) else original(*given)
    )
    assert ages(people, where="beliefs = 'strong'") == ["45-54"]
    assert ages(people, where="beliefs = 'none'") == ["35-44"]


def test_a_pseudonymised_role_selects_a_customer_by_pseudonym_only(people: TableReader[Any]) -> None:
    shown = people.read(DEMOGRAPHIC, "analyst", "analytics", ["customer_id", "age_band"]).frame.to_pylist()
    pseudonym = {row["age_band"]: row["customer_id"] for row in shown}
    for band, name in pseudonym.items():
        assert ages(people, customer=name) == [band]
        assert ages(people, where=f"customer_id in ('{name}')") == [band]
        assert ages(people, where=f"customer_id <> '{name}'") == [b for b in pseudonym if b != band]
    # On stored identifiers, this would show which pseudonym is c_1.
    assert ages(people, customer="c_1") == ages(people, where="customer_id = 'c_1'") == []
    assert ages(people, "privacy_officer", customer="c_1") == ["35-44"]


def test_a_condition_never_shows_a_customer_who_does_not_permit_the_purpose(
    people: TableReader[Any], installation: Installation
) -> None:
    assert ages(people, "privacy_officer", where="age_band >= '35-44'") == ["35-44", "45-54"]
    installation.consent_service().withdraw("c_1", "analytics", CALL)
    read = people.read(DEMOGRAPHIC, "privacy_officer", "analytics", ["age_band"], where="age_band >= '35-44'")
    assert read.frame["age_band"].to_pylist() == ["45-54"]
    assert read.subjects == 1
    assert ages(people, "privacy_officer", customer="c_1") == []


def test_the_log_names_the_columns_of_a_condition_and_none_of_its_values(
    people: TableReader[Any], installation: Installation
) -> None:
    secret = "Kimnamseon"
    ages(people, "privacy_officer", where=f"age_band = '{secret}'", customer=secret)
    for where in (f"age_band = {secret}", f"{secret} = 1", f"age_band = '{secret}", f"beliefs > '{secret}'"):
        with pytest.raises(AccessRefused):
            ages(people, where=where)
    entries = [entry for _, entry in installation.audit_log.entries()]
    assert [entry.outcome for entry in entries] == ["allowed"] + ["refused"] * 4
    assert entries[0].columns == ("age_band",)
    assert entries[0].filtered_by == ("customer_id", "age_band")
    assert entries[0].subjects == 0
    assert secret not in repr(entries)
    assert installation.audit_log.verify() == []


def test_a_pattern_stands_for_the_columns_that_may_be_read(people: TableReader[Any]) -> None:
    read = people.read(DEMOGRAPHIC, "analyst", "analytics", ["age_ban?", "beli*"])
    assert read.plan.columns == ("age_band",)
    assert read.plan.left_out == {"beliefs": "does not serve analytics"}
    with pytest.raises(AccessRefused, match=r"has no column like weight\*"):
        people.read(DEMOGRAPHIC, "analyst", "analytics", ["age_ban?", "weight*"])
    with pytest.raises(AccessRefused, match="beliefs does not serve analytics"):
        people.read(DEMOGRAPHIC, "analyst", "analytics", ["age_ban?", "beliefs"])
    with pytest.raises(AccessRefused, match="beliefs does not serve analytics"):
        people.read(DEMOGRAPHIC, "analyst", "analytics", ["beli*"])
