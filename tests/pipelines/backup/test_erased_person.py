"""An erased person does not come back by a restore. Records that the law keeps do, or are reported as lost."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from installation.backup.creation import make_backup
from installation.backup.restoration import RestorePlan, restore
from installation.installation import Installation
from pipelines.backup.recovery import recover
from privacy.protection.revealer import LEGAL_RECORDS
from privacy.rights.subject import Subject
from tests.pipelines.backup.conftest import Clock, lose, reopened, with_backup
from tests.pipelines.backup.test_recovery import changed_rows, erase, rows_of
from tests.pipelines.erasure.small_market import HANEUL, load, open_market
from tests.pipelines.erasure.test_erasure import residues


@dataclass(frozen=True)
class Erased:
    """A market that was lost after an erasure. `old`: the backup before the erasure; `rows`: those after it."""

    market: Installation
    old: str
    subject: Subject
    rows: dict[str, list[str]]


@pytest.fixture(scope="module")
def made_erasure(loaded_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    folder = tmp_path_factory.mktemp("erased")
    shutil.copytree(loaded_market, folder / "market")
    with Installation(with_backup(open_market(folder / "market").settings, folder), clock=Clock()) as market:
        old = make_backup(market).id
        return Erased(market, old, erase(market), rows_of(market))


@pytest.fixture
def erased(made_erasure: Erased) -> Erased:
    lose(made_erasure.market)
    return made_erasure


def test_a_person_who_was_erased_after_the_backup_is_not_brought_back(erased: Erased) -> None:
    # The negative control: the tables of the backup have the person, until the erasure is repeated.
    settings = erased.market.settings
    restore(settings, RestorePlan(erased.old))
    with reopened(erased.market) as restored:
        assert any(HANEUL in repr(rows) for rows in rows_of(restored).values())
        lose(restored)

    recovery = recover(settings, RestorePlan(erased.old))
    assert recovery.is_whole
    assert recovery.rows_erased
    with reopened(erased.market) as restored:
        assert residues(restored, erased.subject) == set()
        assert not any(HANEUL in repr(rows) for rows in rows_of(restored).values())
        assert restored.open_key_store().status().destroyed > 0
        assert load(restored) == 0
        found = rows_of(restored)
        assert not any("M000000001" in repr(rows) for rows in found.values())

        # The law keeps records of the person, whose keys are destroyed. The restore says how many are lost.
        assert receivers(restored) == ["", "김하늘"]
        assert set(recovery.rows_lost) == {"bronze/cj_transactions", "bronze/delivery", "bronze/support_ticket"}
        assert recovery.rows_lost == changed_rows(erased.rows, found)
        entries = [one for _, one in restored.audit_log.entries() if one.purpose == LEGAL_RECORDS]
        logged = {one.table: int((one.reason or "").split()[0]) for one in entries if one.action == "restore"}
        assert logged == recovery.rows_lost


def test_records_that_the_law_keeps_are_in_the_backup_that_an_erasure_makes(erased: Erased) -> None:
    recovery = recover(erased.market.settings, RestorePlan())
    assert recovery.is_whole
    assert recovery.rows_lost == {}
    with reopened(erased.market) as restored:
        assert rows_of(restored) == erased.rows
        assert receivers(restored) == ["김하늘", "김하늘"]


def receivers(market: Installation) -> list[str]:
    """The names that the law keeps of parcels."""
    contract = market.contracts["source.delivery"]
    rows = market.revealer("tester", LEGAL_RECORDS)(contract, market.lakehouse.rows(contract.table))
    return sorted(rows["receiver_name"].to_pylist())
