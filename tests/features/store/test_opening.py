"""The settings decide which store an installation opens."""

from contextlib import closing
from pathlib import Path

import pytest

from features.store.lmdb_store import LmdbStore
from features.store.online_store import ValueKind, ViewSchema
from features.store.opening import open_online_store
from features.store.redis_store import RedisStore
from installation.errors import SettingsError
from installation.installation import Installation
from installation.settings import load_settings

SCHEMA = ViewSchema("one", (("x", ValueKind.INT64),))


def test_an_installation_has_an_embedded_store_unless_a_server_is_named(tmp_path: Path) -> None:
    with Installation(load_settings(data_dir=tmp_path)) as one, closing(open_online_store(one)) as store:
        assert isinstance(store, LmdbStore)
        store.write(SCHEMA, ["c_1"], [1], [[1]])
    assert {path.parent.name for path in tmp_path.glob("online/*/current")} == {"bojagi"}


def test_machines_with_the_same_server_and_project_share_rows(tmp_path: Path, redis: tuple[str, Path]) -> None:
    file = tmp_path / "url"
    file.touch(0o600)
    file.write_text(f"{redis[0]}\n")
    machines = [
        load_settings(data_dir=tmp_path / name, online_redis_file=file, feature_project="fleet") for name in "ab"
    ]
    with (
        closing(open_online_store(Installation(machines[0]))) as one,
        closing(open_online_store(Installation(machines[1]))) as two,
    ):
        one.write(SCHEMA, ["c_1"], [1], [[1]])
        assert two.read(["c_1"]) == one.read(["c_1"]) != [None]
        assert isinstance(two, RedisStore)
        two.destroy()
        assert one.read(["c_1"]) == [None]


@pytest.mark.parametrize("mode", [0o644, None])
def test_a_file_with_the_url_must_be_private(tmp_path: Path, mode: int | None) -> None:
    file = tmp_path / "url"
    if mode is not None:
        file.write_text("redis://:hunter2@127.0.0.1/0")
        file.chmod(mode)
    settings = load_settings(data_dir=tmp_path, online_redis_file=file)
    with pytest.raises(SettingsError, match="chmod 600" if mode else "cannot be read") as refusal:
        open_online_store(Installation(settings))
    assert "hunter2" not in str(refusal.value)
