"""Starts Apache Spark in a JVM of this machine, with a Connect server in it, and opens a session on that."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from installation.object_store.place import is_url
from installation.settings import Settings
from pipelines.engine import endpoint, java
from pipelines.engine.connect_session import CONNECT_MODE, open_session
from pipelines.engine.session_option import landed_bytes, prepare_session
from pipelines.errors import EngineError
from privacy.storage.lock import file_lock

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession as Session

# The newest Delta jar for Spark 4.2 on Maven's central repository; its Python side is in pyproject.toml.
DELTA_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# Hadoop's file system for S3, of Hadoop's version in Spark 4.2, and the modules of Amazon's SDK that it uses: 18 MB.
# It asks for the bundle of all services, which has 650 MB.
S3_PACKAGES = (
    "org.apache.hadoop:hadoop-aws:3.5.0",
    *(f"software.amazon.awssdk:{module}:2.35.4" for module in ("s3", "s3-transfer-manager", "sts")),
)
# The bundle, an optional accelerator of TLS, and parts of Hadoop 3.4 (50 MB) that Delta's package names: Spark has 3.5.
LEFT_OUT = (
    "software.amazon.awssdk:bundle", "org.wildfly.openssl:wildfly-openssl", "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
)  # fmt: skip
# One partition for each core is enough on a laptop; with the default of 200 a small merge takes twenty seconds.
SHUFFLE_PARTITIONS = max(2, os.cpu_count() or 2)
JVM_EXIT_SECONDS = 60
# The second compiler of the JVM took half of the processor time (40 of 80 s for two small tables), for code that is
# used a few times. Three markets have this many bytes of landed files; above, it pays.
QUICK_JVM_BYTES = 300_000_000
# Without the second compiler the JVM keeps 48 MB for compiled code. Three tables filled them, and from then on the JVM
# compiled nothing and interpreted all new code. 240 MB is what it keeps with both compilers.
QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:ReservedCodeCacheSize=240m"
PROJECT = Path(__file__).parents[2]

SPARK_OPTIONS: Mapping[str, str] = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.jars.excludes": ",".join(LEFT_OUT),
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Delta would read its whole log again after each commit, to verify the sums that it keeps.
    "spark.databricks.delta.incremental.commit.verify": "false",
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    # Other machines on the network must not reach this session.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}

_START_LOCK = Path(tempfile.gettempdir()) / f"bojagi-spark-start-{os.getuid()}.lock"


@contextmanager
def open_spark(settings: Settings) -> Iterator[Session]:
    """Start Apache Spark in a JVM, with a Connect server as a plug-in of its context, and open a session on it.

    `.remote("local[*]")` does the same, but on a fixed port. A free port lets two runs share a machine.
    """
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException

    java.require()
    prepare = partial(prepare_session, settings=settings)
    if (running := SparkContext._active_spark_context) is not None:
        # PySpark can have one JVM per process, so a second engine is a second session on it.
        with open_session(_address(running.getConf()), "spark", prepare) as spark:
            yield spark
        return
    # The JVM starts Python workers for UDFs: they need this interpreter's packages and our own modules.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    token, port = secrets.token_hex(16), endpoint.find_free_port()
    conf = SparkConf().setMaster("local[*]").setAppName("bojagi").setAll(list(SPARK_OPTIONS.items()))
    has_store = bool(settings.storage_options) or is_url(settings.lakehouse_root)
    packages = [DELTA_PACKAGE, *(S3_PACKAGES if has_store else ())]
    conf.set("spark.jars", _similarity_jar()).set("spark.jars.packages", ",".join(packages))
    if landed_bytes(settings) <= QUICK_JVM_BYTES:
        conf.set("spark.driver.extraJavaOptions", QUICK_JVM)
    conf.set("spark.driver.memory", f"{int(settings.engine_memory) // 2**20}m")
    conf.set("spark.connect.grpc.binding.port", str(port)).set("spark.connect.authenticate.token", token)
    try:
        # If two JVMs fetch Delta's jars into an empty Ivy cache at the same time, both fail (measured: six of six).
        with file_lock(_START_LOCK), _standard_error_to(settings.engine_log_file), _classic_mode():
            context = SparkContext(conf=conf)
    except (PySparkException, Py4JError, ValueError) as error:
        log = settings.engine_log_file
        raise EngineError(
            f"Apache Spark did not start: {_start_failure(log, error)} Its log is {log}.", "spark"
        ) from error
    try:
        with open_session(_address(conf), "spark", prepare) as spark:
            yield spark
    finally:
        context.stop()
        _end_java(context)


def _similarity_jar() -> str:
    """Return the path of Splink's jar of similarity functions for Spark; empty if Splink is not installed."""
    spec = find_spec("splink")
    folders = spec.submodule_search_locations if spec else None
    jars = sorted((Path(folders[0]) / "internals/files/spark_jars").glob("*_spark4.x.jar")) if folders else []
    return str(jars[-1]) if jars else ""


def _address(conf: SparkConf) -> str:
    port, token = conf.get("spark.connect.grpc.binding.port"), conf.get("spark.connect.authenticate.token")
    return f"sc://localhost:{port}/;token={token}"


@contextmanager
def _classic_mode() -> Iterator[None]:
    """Switch Connect mode off inside the block, because PySpark starts no JVM while an earlier session has it on."""
    mode = os.environ.pop(CONNECT_MODE, None)
    try:
        yield
    finally:
        if mode is not None:
            os.environ[CONNECT_MODE] = mode


@contextmanager
def _standard_error_to(log_file: Path) -> Iterator[None]:
    """Redirect standard error to a file inside the block. A JVM that starts there writes to the file until it ends."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    with log_file.open("wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _end_java(context: SparkContext) -> None:
    """End the JVM. PySpark would keep its memory in use, and a second Connect server cannot start in it."""
    gateway = context._gateway
    type(context)._gateway = type(context)._jvm = None
    if gateway is not None:
        gateway.shutdown()
        # spark-submit's JVM ends when its standard input closes.
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=JVM_EXIT_SECONDS)


def _start_failure(log_file: Path, error: Exception) -> str:
    """Return the line that states why Spark did not start: from the JVM's log if it has one, else from the error."""
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    reasons = [line.strip() for line in lines if "Exception" in line or "unresolved dependency" in line]
    return (reasons or str(error).strip().splitlines() or [type(error).__name__])[0][:300]
