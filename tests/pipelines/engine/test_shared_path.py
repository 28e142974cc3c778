from pathlib import Path

import pytest

from pipelines.engine.session import Engine
from pipelines.engine.shared_path import FOLDER, require_shared
from pipelines.errors import EngineError
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse


class Elsewhere(SparkLakehouse):
    """A lakehouse whose engine sees another folder under its root, as a machine of its own does."""

    def filesystem(self, table: str | None = None):  # type: ignore[no-untyped-def]
        found, path = super().filesystem(table)
        return found, path.replace("/theirs", "/ours")


def test_a_shared_folder_is_accepted_and_left_as_it_was(lakehouse: SparkLakehouse) -> None:
    require_shared(lakehouse, "sc://host:15002")
    assert [path for path in (Path(lakehouse.root) / FOLDER).rglob("*") if path.is_file()] == []


def test_a_folder_that_the_engine_does_not_see_is_refused(engine: Engine, tmp_path: Path) -> None:
    root = tmp_path / "theirs"
    with pytest.raises(EngineError, match=r"does not share lakehouse_root .* s3://bucket/path") as caught:
        require_shared(Elsewhere(str(root), engine.spark), "sc://host:15002")
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)
