"""Installation.table_reader on real tables and stores: consent as of now, every read and refusal in the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.access.errors import AccessRefused
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
