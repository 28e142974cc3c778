"""A run on a Spark server apart, with tables on S3: no file is shared, and the server is killed in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installation.lakehouse.lakehouse import Lakehouse
from tests.object_store import ObjectStore, object_store
from tests.spark_server import SparkServer

pytestmark = [pytest.mark.slow, pytest.mark.spark]
pytest.importorskip("boto3")
GOLD = ("gold/customer_demographic", "gold/customer_category_share")


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as running:
        running.new_bucket("shop")
        yield running


@dataclass(frozen=True)
class Place:
    """A data folder with landed files, the settings of a cluster, and the cluster that does not see the folder."""

    data: Path
    server: SparkServer

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipelines.cli", *arguments]
        environment = {**os.environ, "BOJAGI_CONFIG": str(self.data / "bojagi.toml"), **settings}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **settings)
        output, errors = process.communicate()
        return process.returncode, output, errors


@pytest.fixture(scope="module")
def place(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    data, log = tmp_path_factory.mktemp("market"), tmp_path_factory.mktemp("server")
    simulate = [sys.executable, "-m", "pipelines.cli", "simulate", "--households", "10", "--out", str(data)]
    subprocess.run(simulate, check=True, capture_output=True)
    server = SparkServer(log, [data])
    options = "\n".join(f'{name} = "{value}"' for name, value in store.options.items())
    (data / "bojagi.toml").write_text(
        f'engine = "{server.url}"\ndata_dir = "{data}"\nlakehouse_root = "s3://shop/lake"\n[storage_options]\n{options}\n'
    )
    server.start()
    yield Place(data, server)
    server.kill()


def test_a_folder_that_the_cluster_does_not_see_is_refused_before_a_table_is_built(place: Place) -> None:
    root = place.data / "not_shared"
    code, _, errors = place.run("run", "--select", 'key:"silver/calendar"', BOJAGI_LAKEHOUSE_ROOT=str(root))
    assert code == 3
    assert f"does not share lakehouse_root {root} with this machine" in errors
    assert not (root / "silver").exists()


def test_a_run_whose_server_was_killed_ends_with_every_table(place: Place, store: ObjectStore) -> None:
    """The tables that need no events of a day; `python -m bench cluster` builds every table in the same way."""
    lines, killed = [], []
    with place.start("run", "--select", " or ".join(f'+key:"{table}"' for table in GOLD)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "silver/customer " in line:
                killed.append(place.server.process)
                place.server.kill()
                place.server.start()
        assert process.wait() == 0, (lines, process.stderr and process.stderr.read())
    assert len(killed) == 1
    built = [line.split()[1] for line in lines if line.startswith(("✓", "!", "✗")) and "bronze/" not in line]
    assert not [line for line in lines if line.startswith("✗")]
    assert built.index("silver/customer") < min(built.index(table) for table in GOLD)
    assert {*GOLD, "silver/identifier", "silver/order_line", "silver/product"} <= {*built}
    assert not (place.data / "lakehouse").exists()
    tables = Lakehouse("s3://shop/lake", store.options)
    assert all(tables.rows(table).num_rows > 0 for table in GOLD)
    status = json.loads(place.run("status", "--json")[1])
    assert not _failed(status)


def _failed(status: Any) -> list[Any]:
    return [one for one in status.get("tables", []) if one.get("error") or one.get("broken_checks")]
