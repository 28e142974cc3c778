"""Models and certificates are the same on all machines of a database, and an erasure on one removes them from all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation.installation import Installation
from installation.settings import Settings, load_settings
from installation.shared_file import SharedFiles
from installation.store_import import import_files, join
from pipelines.federated.participant import Participants, models_of
from pipelines.federated.run_folder import RunFolder
from pipelines.federated.subject_store import TrainedModels
from privacy.rights.subject import Subject
from privacy.storage.database import ServerFault
from privacy.storage.lock import LockBusyError
from tests.store_place import StorePlace

CERTIFICATE, MODEL = "rights/certificate/q_1.json", "synthetic/fitted/a.zip"
PERSON, OTHER = Subject("s_1", ("c_0123456789abcdef",)), Subject("s_2", ("c_fedcba9876543210",))


def settings_of(place: StorePlace, name: str, *, has_database: bool = True) -> Settings:
    database = place.server.conninfo if place.server is not None and has_database else None
    return load_settings(data_dir=place.folder / name, secret_dir=place.folder / f"{name}_secret", database=database)


@pytest.fixture
def machines(postgres_place: StorePlace) -> Iterator[tuple[Installation, Installation]]:
    """Two machines of one database, with the same secrets."""
    one, two = (settings_of(postgres_place, name) for name in ("one", "two"))
    with Installation(one) as first, Installation(two) as second:
        _ = first.pseudonym_key
        shutil.copytree(one.secret_dir, two.secret_dir)
        yield first, second


def write(installation: Installation, name: str, content: str) -> Path:
    file = installation.settings.data_dir / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def test_a_machine_reads_what_another_has_published(machines: tuple[Installation, Installation]) -> None:
    one, two = machines
    for name in (CERTIFICATE, MODEL):
        one.shared_files.publish(write(one, name, name))
    there = two.settings.data_dir / CERTIFICATE
    two.shared_files.fetch(there.parent)
    assert there.read_text() == CERTIFICATE
    assert oct(there.stat().st_mode & 0o777) == "0o600"
    assert not (two.settings.data_dir / MODEL).exists(), "only what is below the path"
    one.shared_files.publish(write(one, CERTIFICATE, "again"))
    two.shared_files.fetch(there)
    assert there.read_text() == "again"
    write(two, "rights/certificate/q_2.json", "of a machine that was killed before it published")
    two.shared_files.fetch(there.parent, removes=True)
    assert [path.name for path in there.parent.iterdir()] == ["q_1.json"]


def test_files_outside_the_data_folder_and_without_a_database_stay_where_they_are(
    postgres_place: StorePlace, tmp_path: Path
) -> None:
    with Installation(settings_of(postgres_place, "alone", has_database=False)) as alone:
        file = write(alone, MODEL, "m")
        alone.shared_files.publish(file)
        alone.shared_files.fetch(file.parent, removes=True)
        assert file.exists()
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.touch()
    SharedFiles(tmp_path / "data", postgres_place.server).publish(elsewhere)
    assert postgres_place.server is not None
    assert postgres_place.server.open("models").execute("SELECT count(*) FROM document").fetchone() == (0,)


def test_an_erasure_on_one_machine_removes_the_model_that_another_has_trained(
    machines: tuple[Installation, Installation],
) -> None:
    one, two = machines
    trained = RunFolder.of(one, "next_order")
    with trained.locked():
        Participants(one).add("next_order", [*PERSON.customer_ids, "c_3"])
        write(one, "federated/next_order/model.zip", "sums over some customers")
        trained.publish()
    copy = RunFolder.of(two, "next_order")
    assert copy.model.exists()
    assert models_of(two) == ["next_order"]
    assert TrainedModels(two).erase([OTHER]).counts == {"models_removed": 0}
    assert TrainedModels(two).verify([PERSON]).residues
    assert TrainedModels(two).erase([PERSON]).counts == {"models_removed": 1}
    assert TrainedModels(one).verify([PERSON]).is_clean
    assert not RunFolder.of(one, "next_order").model.exists()
    assert not copy.model.exists()


def test_a_model_is_trained_by_one_machine_at_a_time(machines: tuple[Installation, Installation]) -> None:
    one, two = machines
    path = "federated/next_order"
    with one.shared_files.locked(one.settings.data_dir / path):
        with pytest.raises(LockBusyError), two.shared_files.locked(two.settings.data_dir / path):
            raise AssertionError
        with two.shared_files.locked(two.settings.data_dir / "federated/churn"):
            pass
    with two.shared_files.locked(two.settings.data_dir / path):
        pass


def test_a_lock_that_was_lost_meanwhile_is_said(machines: tuple[Installation, Installation]) -> None:
    one, _ = machines
    assert one.server is not None
    ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    with pytest.raises(ServerFault), one.shared_files.locked(one.settings.data_dir / "federated/next_order"):
        one.server.open("lakehouse").execute(ended)


def test_files_from_before_the_database_must_be_imported(postgres_place: StorePlace) -> None:
    files, shared = (settings_of(postgres_place, "one", has_database=has) for has in (False, True))
    with Installation(files) as before:
        for name in (CERTIFICATE, MODEL):
            write(before, name, name)
        Participants(before).add("next_order", PERSON.customer_ids)
    with Installation(shared) as refused, pytest.raises(ServerFault, match="bojagi database import"):
        refused.shared_files.fetch(shared.data_dir / "federated")
    with Installation(shared) as moved:
        assert import_files(moved)["models"] == 2
    with Installation(shared) as after:
        assert Participants(after).contains("next_order", PERSON.customer_ids)
        _ = after.audit_log, after.suppression
        for one in (after.open_key_store(), after.open_ledger()):
            one.close()
        shutil.copytree(
            shared.secret_dir, postgres_place.folder / "two_secret", ignore=shutil.ignore_patterns("*.anchor")
        )
    with Installation(settings_of(postgres_place, "two")) as two:
        join(two)
        two.shared_files.fetch(two.settings.data_dir / MODEL)
        assert (two.settings.data_dir / MODEL).read_text() == MODEL
