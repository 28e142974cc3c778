"""A process that serves requests loads neither Spark nor Dagster nor Great Expectations, not even indirectly."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord

HEAVY = ("pyspark", "pysail", "delta", "dagster", "great_expectations", "feast", "pipelines")
SERVE = """
import sys
from pathlib import Path
from installation.installation import Installation
from installation.settings import load_settings

with Installation(load_settings(data_dir=Path(sys.argv[1]))) as installation:
    read = installation.table_reader("a test").read("silver/customer", "analyst", "analytics", ["customer_id", "sex"])
assert read.frame.num_rows == read.subjects == 1, read
{more}
print(*sorted({{name.split(".")[0] for name in sys.modules}} & set({heavy!r})))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two customers, of whom one permits analytics."""
    with Installation(load_settings(data_dir=tmp_path)) as installation:
        schema = installation.contracts.table("silver/customer").arrow_schema()
        loose = pa.schema([(field.name, field.type) for field in schema])
        rows = [{"customer_id": name, "sex": "F"} for name in ("c_one", "c_two")]
        installation.lakehouse.append_rows("silver/customer", pa.Table.from_pylist(rows, loose))
        at = datetime(2017, 1, 1)
        installation.consent_store.append(
            [ConsentRecord(record_id="r_one", subject_id="c_one", controller=installation.settings.controller,
                           purpose="analytics", notice_version="1", notice_language="ko", jurisdiction="KR",
                           method="web_form", state="given", effective_at=at, recorded_at=at, age_years=40,
                           evidence_hash="0" * 64, asked="separately")]
        )  # fmt: skip
    return tmp_path


def loaded(data: Path, more: str = "") -> list[str]:
    """Return which of the heavy packages a process has loaded after it served a read."""
    code = SERVE.format(more=more, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, str(data)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_read_is_served_without_spark_dagster_and_great_expectations(data: Path) -> None:
    assert loaded(data) == []


def test_features_are_served_without_them_and_without_feast(data: Path) -> None:
    more = """
from agent_serving.application import create_app
from features import client
from features.retrieval.answer import Caller
from features.retrieval.reader import FeatureReader

with Installation(load_settings(data_dir=Path(sys.argv[1]))) as installation:
    create_app(installation)
    with FeatureReader.open(installation) as reader:
        found = reader.retrieve(["c_one"], "shopping_agent", "personalisation", Caller("a test", "agent"))
assert found.customers[0].values[0] is None
"""
    assert loaded(data, more) == []


def test_the_check_sees_a_heavy_package_that_is_loaded(data: Path) -> None:
    assert loaded(data, "import pyspark") == ["pyspark"]
