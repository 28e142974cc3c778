"""A person is erased from tables and landed files in an object store, also from former versions of objects."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.installation import Installation
from installation.object_store.former_version import former_versions
from installation.object_store.place import local_copy, store
from installation.settings import load_settings
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.landing_store import LandingStore
from pipelines.erasure.restored_table import keep_erased
from pipelines.erasure.subject_lookup import find_subject
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.object_store import ObjectStore, object_store
from tests.pipelines.erasure.small_market import HANEUL, NOW, load


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


@pytest.fixture(params=[False, True], ids=["plain", "versions"])
def remote(
    request: pytest.FixtureRequest, market: Installation, server: ObjectStore, tmp_path: Path
) -> Iterator[Installation]:
    """The small market with tables and landed files in a bucket, which keeps former versions in one of two cases."""
    bucket = server.new_bucket(f"shop-{os.urandom(6).hex()}", keeps_versions=request.param)
    settings = market.settings
    store(Path(settings.lakehouse_root), f"{bucket}/lakehouse", server.options)
    store(settings.landing_dir, f"{bucket}/landing", server.options)
    moved = load_settings(
        data_dir=settings.data_dir, secret_dir=settings.secret_dir, landing_dir=tmp_path / "unused",
        lakehouse_root=f"{bucket}/lakehouse", landing_root=f"{bucket}/landing", storage_options=server.options,
        run_date=NOW.date(),
    )  # fmt: skip
    with Installation(moved, clock=lambda: NOW.astimezone()) as installation:
        yield installation


def verify(remote: Installation, subject: Subject) -> tuple[list[str], list[str]]:
    """Return the residues and the parts that could not be looked at."""
    found = [one.verify([subject]) for one in (LakehouseStore(remote), LandingStore(remote))]
    return [part for one in found for part in one.residues], [part for one in found for part in one.unverifiable]


def test_an_erased_person_is_in_no_object_and_no_former_version(remote: Installation, tmp_path: Path) -> None:
    subject, place = find_subject(remote, HANEUL), remote.settings.landing_root
    assert place is not None
    options = remote.settings.storage_options
    before = remote.lakehouse.rows("gold/customer_demographic").num_rows
    residues, unknown = verify(remote, subject)
    assert len(residues) > 10  # the verification finds the person as long as it is there
    assert unknown == []
    assert {one.part for one in LandingStore(remote).find(subject)} > {"landing/crm_customer"}
    for one in (LakehouseStore(remote), LandingStore(remote)):
        assert one.erase([subject]).kind is OutcomeKind.DONE
    assert verify(remote, subject) == ([], [])
    assert remote.lakehouse.rows("gold/customer_demographic").num_rows == before - 1
    # An independent look at the objects, by another library.
    with local_copy(place, options) as files:
        contents = b"".join(one.read_bytes() for one in files.rglob("*.csv"))
    assert b"M000000001" not in contents
    assert b"bada@naver.example" in contents
    assert load(remote) == 0  # the rewritten files are known, and no load brings the person back
    assert keep_erased(remote).rows == 0


def test_a_former_version_keeps_the_erasure_open(
    remote: Installation, server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, root = find_subject(remote, HANEUL), remote.settings.lakehouse_root
    bucket = root.split("/")[2]
    keeps_versions = server.client.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
    monkeypatch.setattr("pipelines.erasure.lakehouse_store.remove_former_versions", lambda root, options: 0)
    LakehouseStore(remote).erase([subject])
    found = LakehouseStore(remote).verify([subject]).unverifiable
    assert [("former versions" in one) for one in found] == [True] * keeps_versions
    # Without the library that lists versions, nothing is known about them.
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "install `bojagi[objects]`" in former_versions(root, remote.settings.storage_options)[0]
    assert former_versions("/a/folder", {}) == []


def test_tables_that_cannot_be_read_are_not_reported_as_clean(remote: Installation) -> None:
    subject = find_subject(remote, HANEUL)
    location = find_tables(remote.lakehouse.root, remote.settings.storage_options)[0]
    store(Path(__file__), f"{location}/broken.parquet", remote.settings.storage_options)
    assert LakehouseStore(remote).verify([subject]).unverifiable
