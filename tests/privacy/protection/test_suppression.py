"""The suppression list finds what it lists, and no older, shortened or changed list is accepted."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from privacy.protection.suppression import (
    FOR_EVER,
    NOT_LISTED,
    Suppressed,
    SuppressionError,
    SuppressionList,
    is_suppressed,
)

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret" / "suppression.db"
    listed = SuppressionList(path, KEY)
    assert not listed
    assert listed.generation == 0
    assert listed.add([Suppressed("value", "c_1"), Suppressed("person", "crm:7", datetime(2017, 1, 2))], "s_1") == 2
    listed.close()
    return path


def test_listed_values_are_found_until_their_end(path: Path) -> None:
    listed = SuppressionList(path, KEY)
    found = listed.until("value", pa.array(["c_1", None, "c_2", "c_1"]))
    assert found.tolist() == [FOR_EVER, NOT_LISTED, NOT_LISTED, FOR_EVER]
    assert listed.until("value", pa.chunked_array([["c_1"], ["c_2"]])).tolist() == [FOR_EVER, NOT_LISTED]
    until = listed.until("person", pa.array(["crm:7"] * 3))
    moments = pa.array([datetime(2017, 1, 1), datetime(2017, 1, 3), None], pa.timestamp("us")).cast(pa.int64())
    known = moments.fill_null(int(NOT_LISTED)).to_numpy()
    assert is_suppressed(until, known).tolist() == [True, False, True]
    assert listed.add([Suppressed("person", "crm:7")], "s_1") == 1  # now for ever
    assert listed.add([Suppressed("person", "crm:7", datetime(2018, 1, 1))], "s_2") == 0
    assert SuppressionList(path, KEY).until("person", pa.array(["crm:7"])).tolist() == [FOR_EVER]
    assert not listed.lists("other kind", "c_1")
    content = path.read_bytes()
    assert b"c_1" not in content
    assert b"crm:7" not in content


def test_two_processes_see_each_other(path: Path) -> None:
    first, second = SuppressionList(path, KEY), SuppressionList(path, KEY)
    first.add([Suppressed("value", "c_9")], "s_9")
    assert second.lists("value", "c_9")
    assert second.generation == 2


def test_an_older_shortened_or_missing_list_is_refused(path: Path) -> None:
    older = path.with_name("older")
    shutil.copy(path, older)
    SuppressionList(path, KEY).add([Suppressed("value", "c_9")], "s_9")
    newest = path.read_bytes()
    shutil.copy(older, path)
    with pytest.raises(SuppressionError, match="older copy"):
        SuppressionList(path, KEY)
    path.write_bytes(newest)
    database = sqlite3.connect(path)
    database.execute("DELETE FROM suppressed WHERE addition = 1")
    database.commit()
    database.close()
    with pytest.raises(SuppressionError, match="addition 1 were changed"):
        SuppressionList(path, KEY)
    path.unlink()
    with pytest.raises(SuppressionError, match="missing"):
        SuppressionList(path, KEY)
