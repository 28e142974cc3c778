"""A lakehouse belongs to one installation, and one run at a time works in it, over all machines."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installation import lakehouse_claim as claim
from installation.installation import Installation
from installation.lakehouse_claim import ClaimTable, LakehouseBusyError, LakehouseClaimedError, lakehouse_lease
from installation.secret_key import MADE
from installation.settings import Settings, load_settings
from privacy.audit import AuditError
from tests.database_server import s3_server
from tests.installation.test_database import use
from tests.store_place import StorePlace


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The root of a lakehouse that two machines reach, with its storage options."""
    if request.param == "folder":
        yield str(tmp_path / "shared"), {}
        return
    with s3_server() as (endpoint, client):
        client.create_bucket(Bucket="shop")
        yield "s3://shop/lakehouse", {
            "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip


def machine(tmp_path: Path, name: str, root: tuple[str, dict[str, str]], **settings: object) -> Settings:
    return load_settings(
        data_dir=tmp_path / name, secret_dir=tmp_path / f"{name}_secret", lakehouse_root=root[0],
        storage_options=root[1], **settings,
    )  # fmt: skip


def copy_secrets(one: Settings, other: Settings) -> None:
    shutil.copytree(one.secret_dir, other.secret_dir, ignore=shutil.ignore_patterns("*.anchor", "*.lock"))


def require_refused(settings: Settings, error: type[Exception], reason: str) -> None:
    with Installation(settings) as refused, pytest.raises(error, match=reason), lakehouse_lease(refused):
        raise AssertionError


def test_another_installation_writes_nothing(root: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    first, stranger = machine(tmp_path, "one", root), machine(tmp_path, "two", root)
    with Installation(first) as one, lakehouse_lease(one):
        pass
    before = ClaimTable(*root).read()
    with (
        Installation(stranger) as other,
        pytest.raises(LakehouseClaimedError, match="other secrets"),
        lakehouse_lease(other),
    ):
        raise AssertionError
    # The same secrets with stores of its own: consents and keys would go apart.
    copied = machine(tmp_path, "three", root)
    copy_secrets(first, copied)
    with (
        Installation(copied) as other,
        pytest.raises(LakehouseClaimedError, match="other stores"),
        lakehouse_lease(other),
    ):
        raise AssertionError
    assert ClaimTable(*root).read() == before
    with Installation(first) as one, lakehouse_lease(one):
        pass


def test_machines_of_one_database_share_a_lakehouse_but_not_at_once(
    root: tuple[str, dict[str, str]], postgres_place: StorePlace, tmp_path: Path
) -> None:
    assert postgres_place.server is not None
    url = postgres_place.server.conninfo
    first, second = (machine(tmp_path, name, root, database=url) for name in ("one", "two"))
    with Installation(first) as one:
        with lakehouse_lease(one):
            copy_secrets(first, second)
            with (
                Installation(second) as other,
                pytest.raises(LakehouseBusyError, match="Another run is working"),
                lakehouse_lease(other),
            ):
                raise AssertionError
        with Installation(second) as other, lakehouse_lease(other):
            pass


def test_the_first_run_can_log_its_uses_in_the_database(postgres_place: StorePlace, tmp_path: Path) -> None:
    assert postgres_place.server is not None
    url = postgres_place.server.conninfo
    first, second = (machine(tmp_path, name, (str(tmp_path / "shared"), {}), database=url) for name in ("one", "two"))
    with Installation(first) as one, lakehouse_lease(one):
        assert one.audit_log.append(use()).number == 1
        assert set(MADE) <= {file.name for file in first.secret_dir.iterdir()}
    # Control: under keys that were made earlier, a log without entries and without an anchor is refused.
    postgres_place.change("", "TRUNCATE entry", "UPDATE store_version SET version = 0 WHERE store = 'audit'")
    copy_secrets(first, second)
    with (
        Installation(second) as two,
        lakehouse_lease(two),
        pytest.raises(AuditError, match=r"were deleted.*database join"),
    ):
        two.audit_log.append(use())


def test_stores_that_moved_into_the_database_keep_their_lakehouse(postgres_place: StorePlace, tmp_path: Path) -> None:
    assert postgres_place.server is not None
    settings = machine(tmp_path, "one", (str(tmp_path / "shared"), {}))
    with Installation(settings) as before, lakehouse_lease(before):
        pass
    moved = machine(tmp_path, "one", (str(tmp_path / "shared"), {}), database=postgres_place.server.conninfo)
    with Installation(moved) as after, lakehouse_lease(after):
        pass
    with (
        Installation(settings) as back,
        pytest.raises(LakehouseClaimedError, match="other stores"),
        lakehouse_lease(back),
    ):
        raise AssertionError


def test_of_many_that_try_at_once_one_gets_the_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, got = machine(tmp_path, "one", (str(tmp_path / "shared"), {})), []
    with Installation(settings) as installation:
        claim.require_own(installation)
        monkeypatch.setattr(claim, "_folder_id", lambda _: "")  # as on machines of their own

        def attempt(number: int) -> None:
            try:
                claim._take(installation, f"run {number}")
                got.append(number)
            except LakehouseBusyError:
                pass

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(attempt, range(6)))
        held, _ = ClaimTable(str(tmp_path / "shared"), {}).read()
    assert len(got) == 1
    assert held is not None
    assert held.holder == f"run {got[0]}"


def test_a_killed_run_stops_its_own_machine_not_at_all_and_others_until_its_lease_ends(
    postgres_place: StorePlace, tmp_path: Path
) -> None:
    assert postgres_place.server is not None
    url = postgres_place.server.conninfo
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, os.getcwd())\n"
        "from installation.installation import Installation; from installation.lakehouse_claim import lakehouse_lease\n"
        "from tests.installation.test_lakehouse_claim import machine\n"
        "folder = Path(sys.argv[1])\n"
        "settings = machine(folder, 'one', (str(folder / 'shared'), {}), database=sys.argv[2])\n"
        "with lakehouse_lease(Installation(settings)):\n"
        "    os.kill(os.getpid(), 9)"
    )
    killed = [sys.executable, "-c", code, str(tmp_path), url]
    assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    one, two = (machine(tmp_path, name, (str(tmp_path / "shared"), {}), database=url) for name in ("one", "two"))
    copy_secrets(one, two)
    require_refused(two, LakehouseBusyError, "Another run is working")
    with Installation(one) as first, Installation(two) as second:
        assert (claim.is_leased_elsewhere(first), claim.is_leased_elsewhere(second)) == (False, True)
    later = datetime.now(UTC) + timedelta(seconds=claim.LEASE_SECONDS)
    with Installation(two, lambda: later) as other, lakehouse_lease(other):
        require_refused(one, LakehouseBusyError, "Another run is working")
    assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    with Installation(one) as again, lakehouse_lease(again):
        pass


def test_the_log_of_the_claim_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"delta.logRetentionDuration": "interval 0 seconds", "delta.checkpointInterval": "3"}
    monkeypatch.setattr(claim, "_CONFIGURATION", short)
    monkeypatch.setattr(claim, "_VACUUM_VERSIONS", 1)
    monkeypatch.setattr(claim, "_KEEP_HOURS", 0)
    settings = machine(tmp_path, "one", (str(tmp_path / "shared"), {}))
    with Installation(settings) as installation:
        for _ in range(12):
            with lakehouse_lease(installation):
                pass
    folder = tmp_path / "shared" / claim._TABLE
    assert ClaimTable(settings.lakehouse_root, {}).read()[1] >= 24
    assert len(list(folder.glob("_delta_log/*.json"))) < 8
    assert len(list(folder.glob("*.parquet"))) == 1


def test_a_run_that_lost_its_lease_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "RENEWAL_SECONDS", 0.05)
    settings = machine(tmp_path, "one", (str(tmp_path / "shared"), {}))
    with Installation(settings) as installation, ExitStack() as stack:
        stack.enter_context(pytest.raises(LakehouseBusyError, match="was lost"))
        stack.enter_context(lakehouse_lease(installation))
        table = ClaimTable(settings.lakehouse_root, {})
        is_taken = False
        while not is_taken:
            held, version = table.read()
            assert held is not None
            is_taken = table.replace(held.model_copy(update={"holder": "another machine"}), version)
        claim.threading.Event().wait(2)
    held, _ = table.read()
    assert held is not None
    assert held.holder == "another machine", "the lease of the other machine is left alone"
