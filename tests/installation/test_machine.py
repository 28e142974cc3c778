"""An erasure waits for every machine of the database, because each has files of its own."""

from __future__ import annotations

import pytest

from installation.errors import SettingsError
from installation.machine import confirm_erasure, forget, machine_id, machines, register
from installation.settings import load_settings
from tests.store_place import StorePlace


def test_an_erasure_waits_for_every_registered_machine(postgres_place: StorePlace) -> None:
    server = postgres_place.server
    assert server is not None
    one, two, three = (load_settings(data_dir=postgres_place.folder / name) for name in ("one", "two", "three"))
    for settings in (one, two, two):
        register(settings, server)
    assert set(machines(server)) == {machine_id(one), machine_id(two)}
    (missing,) = confirm_erasure(one, server, "q_1")
    assert missing.endswith(str(two.data_dir))
    assert confirm_erasure(one, server, "q_1") == [missing]
    assert confirm_erasure(two, server, "q_2") != [], "another erasure"
    # A machine that came later has no file from before, but says so itself.
    register(three, server)
    assert len(confirm_erasure(two, server, "q_1")) == 1
    assert confirm_erasure(three, server, "q_1") == []
    assert len(confirm_erasure(one, server, "q_1")) == 2, "the confirmations ended with the erasure"


def test_a_machine_that_is_gone_is_forgotten(postgres_place: StorePlace) -> None:
    server = postgres_place.server
    assert server is not None
    one, gone = (load_settings(data_dir=postgres_place.folder / name) for name in ("one", "gone"))
    register(gone, server)
    assert len(confirm_erasure(one, server, "q_1")) == 1
    forget(server, machine_id(gone))
    assert confirm_erasure(one, server, "q_1") == []
    with pytest.raises(SettingsError, match="database status"):
        forget(server, machine_id(gone))


def test_without_a_database_there_is_no_other_machine(postgres_place: StorePlace) -> None:
    settings = load_settings(data_dir=postgres_place.folder / "alone")
    register(settings, None)
    assert confirm_erasure(settings, None, "q_1") == []
    assert not settings.data_dir.exists()
