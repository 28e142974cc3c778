"""Installation.lists_customer finds the identifiers of silver/identifier, and runs no text as SQL."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.errors import ConsentError
from privacy.consent.service import Statement


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(load_settings(data_dir=tmp_path, lakehouse_root=str(tmp_path / "lakehouse")))


def test_customers_and_member_tokens_are_listed_and_other_texts_are_not(installation: Installation) -> None:
    assert not installation.lists_customer("c_1")  # no table yet
    rows = [("member_no", "t_member", "c_1"), ("email", "t_email", "c_1"), ("card", "t_card", "c_2")]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    installation.lakehouse.overwrite_rows(
        "silver/identifier", pa.table(columns, names=["token_kind", "token", "customer_id"])
    )
    names = ("c_1", "c_2", "t_member", "t_email", "t_card", "c_3")
    assert [name for name in names if installation.lists_customer(name)] == ["c_1", "c_2", "t_member"]
    for text in ("c_3' OR '1'='1", "c_3' OR customer_id = 'c_1", "' OR 1=1 --", "c_1\n", ""):
        assert not installation.lists_customer(text)


def test_a_customer_of_the_tables_may_object_before_any_consent(installation: Installation) -> None:
    with installation:
        service = installation.consent_service()
        with pytest.raises(ConsentError, match="Unknown customer"):
            service.object("c_1", "*", Statement("letter"), "KR")
        table = pa.table({"token_kind": ["card"], "token": ["t_1"], "customer_id": ["c_1"]})
        installation.lakehouse.overwrite_rows("silver/identifier", table)
        (record,) = service.object("c_1", "*", Statement("letter"), "KR")
        assert (record.subject_id, record.controller) == ("c_1", installation.settings.controller)
