import functools
import http.server
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from installation.settings import load_settings
from pipelines.engine import endpoint
from pipelines.engine.connect_session import PLAIN_MESSAGES
from pipelines.engine.session import Engine, open_engine
from pipelines.engine.session_option import SESSION_OPTIONS
from pipelines.errors import EngineError
from tests.engines import Engines


def complaint(name: str, data_dir: Path) -> str:
    with pytest.raises(EngineError) as caught, open_engine(load_settings(engine=name, data_dir=data_dir)):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_engine_runs_statements_in_utc(engine: Engine) -> None:
    rows = engine.spark.range(5).select(sf.sum("id").alias("total"), sf.current_timezone().alias("zone"))
    assert [row.asDict() for row in rows.groupBy("zone").agg(sf.max("total").alias("total")).collect()] == [
        {"zone": "UTC", "total": 10}
    ]


def grouped_union(engine: Engine) -> DataFrame:
    """Return a union of two projections of one filtered frame, joined with its own count by key: 19 rows."""
    numbers = engine.spark.range(10)
    kept = numbers.alias("f").join(numbers.hint("merge").alias("v"), sf.col("f.id") == sf.col("v.id"), "left_semi")
    one, other = (kept.select("id", (sf.col("id") * factor).alias("value")) for factor in (2, 3))
    dated = one.unionByName(other).distinct().withColumn("day", sf.explode(sf.array(sf.lit(1))))
    return dated.join(dated.groupBy("id").count(), "id")


def test_a_union_is_grouped_by_its_whole_keys(engine: Engine) -> None:
    assert grouped_union(engine).count() == 19


@pytest.mark.spark
def test_without_our_option_spark_groups_parts_of_a_union(engines: Engines) -> None:
    """If this fails, a newer Spark has mended its fault: remove the option."""
    engine, option = engines.open("spark"), "spark.sql.unionOutputPartitioning"
    engine.spark.conf.set(option, "true")
    try:
        assert grouped_union(engine).count() == 38
    finally:
        engine.spark.conf.set(option, SESSION_OPTIONS[option])


def test_pandas_results_raise_no_warning(engine: Engine) -> None:
    assert engine.spark.sql("SELECT timestamp_ntz'2017-01-01 10:00:00' AS t, 1 AS n").toPandas().n.tolist() == [1]


def test_rows_from_this_machine_come_uncompressed(engine: Engine) -> None:
    assert PLAIN_MESSAGES in engine.spark.client._builder._channel_options
    assert engine.spark.sql("SELECT repeat('a', 1000000) AS text").toArrow()["text"][0].as_py() == "a" * 1000000


def test_closing_one_engine_leaves_another_open(engine: Engine, tmp_path: Path) -> None:
    with open_engine(load_settings(engine="sail", data_dir=tmp_path)) as second:
        assert second.spark.range(3).count() == 3
    assert engine.spark.range(7).select(sf.max("id")).collect()[0][0] == 6


def test_without_java_spark_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    said = complaint("spark", tmp_path)
    assert "needs Java 17 or newer; found none: install one" in said


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ('openjdk version "11.0.2"', "found version 11"),
        ('java version "1.8.0"', "found version 8"),
        ("?", "prints no version"),
    ],
)
def test_an_old_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shown: str, expected: str) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{shown}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert expected in complaint("spark", tmp_path)


def test_an_endpoint_where_nobody_listens_is_named_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    said = complaint(f"sc://127.0.0.1:{endpoint.find_free_port()}", tmp_path)
    assert "No Spark Connect endpoint answers at 127.0.0.1" in said
    assert time.monotonic() - started < endpoint.CONNECT_TIMEOUT_SECONDS + 1


def test_an_unknown_host_is_named(tmp_path: Path) -> None:
    assert "answers at nowhere.invalid:15002" in complaint("sc://nowhere.invalid", tmp_path)


def test_an_address_without_a_host_is_refused(tmp_path: Path) -> None:
    assert "write sc://host:port" in complaint("sc:///x", tmp_path)


@pytest.fixture
def web_server() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_server_of_another_kind_is_told_apart(
    web_server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "CONNECT_TIMEOUT_SECONDS", 1.0)
    assert "does not answer in gRPC" in complaint(f"sc://127.0.0.1:{web_server}", tmp_path)


def test_an_endpoint_is_used_by_its_address(tmp_path: Path) -> None:
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    try:
        with open_engine(load_settings(engine=f"sc://{host}:{port}", data_dir=tmp_path)) as opened:
            assert opened.spark.range(4).count() == 4
            assert PLAIN_MESSAGES not in opened.spark.client._builder._channel_options, "a network may be slow"
    finally:
        server.stop()


def test_a_refused_client_version_is_explained() -> None:
    refusal = RuntimeError('<RPC\n\tdetails = "unsupported client version 4.3.0, expected 4.2"\n>')
    said = str(endpoint.explain_refusal(refusal, "sc://h:1"))
    assert "unsupported client version 4.3.0" in said
    assert "install the pyspark that it names" in said


def test_functions_stay_in_connect_mode_after_an_engine_closed(sail: Engine) -> None:
    assert os.environ["SPARK_CONNECT_MODE_ENABLED"] == "1"


def test_programs_start_beside_an_open_session(sail: Engine) -> None:
    """With gRPC's fork handlers on, 2 to 20 of 100 children crashed before they became a program."""
    assert sail.spark.sql("SELECT 1").collect()
    # A function to run in the child is what makes Python fork for real; PySpark gives one to Spark's JVM.
    ignore = functools.partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    for _ in range(200):
        done = subprocess.run(["true"], preexec_fn=ignore, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
