"""Opens the Spark session that the jobs run on.

`sail` (Sail's server inside this process, the default), `spark` (Apache Spark in a JVM of its own) or
`sc://host:port` (any Spark Connect endpoint). All three give the same Spark Connect session class, so jobs
run on each of them without changes.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from installation.object_store.options import engine_environment
from installation.object_store.place import list_files
from installation.settings import Settings
from pipelines.engine import endpoint, java
from pipelines.errors import EngineError
from privacy.storage.lock import file_lock

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext

    # Jobs use the API of this class. The object is of the Connect class, which mypy treats as a different class.
    from pyspark.sql import SparkSession as Session

# gRPC restarts its threads in a forked child before the child starts its program, and may crash it (grpc issue 43055).
# A JVM started beside an open session then "exited before sending its port number". gRPC reads this variable at its
# import, so it is set before. No code here forks without starting a program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

# The newest Delta jar for Spark 4.2 on Maven's central repository; its Python side is in pyproject.toml.
DELTA_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# One partition for each core is enough on a laptop; with the default of 200 a small merge takes twenty seconds.
SHUFFLE_PARTITIONS = max(2, os.cpu_count() or 2)
# An embedded server has one user, whose session must survive a long pause in a notebook or in Dagster's UI.
SAIL_SESSION_TIMEOUT_SECONDS = 7 * 24 * 3600

# A server compresses rows if the client accepts compression. Within a machine that takes 25 times as long as a copy
# (19 MB of tokens: 0.5 s, not 0.02 s). Bit 0 means uncompressed messages; only these are accepted.
PLAIN_MESSAGES = ("grpc.compression_enabled_algorithms_bitset", 1)

JVM_EXIT_SECONDS = 60

# Ten markets have 0.94 GB of landed files. With this many times as much memory, hash joins built all their tables;
# sorted joins spilled to disk and took up to eight times as long (docs/decisions/0005).
HASH_JOIN_GROWTH = 4

PROJECT = Path(__file__).parents[2]

SPARK_OPTIONS: Mapping[str, str] = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.jars.packages": DELTA_PACKAGE,
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
    # Other machines on the network must not reach this session.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
SESSION_OPTIONS: Mapping[str, str] = {
    # Event times are local wall time without a zone. With UTC no conversion changes them.
    "spark.sql.session.timeZone": "UTC",
}


@dataclass(frozen=True)
class Engine:
    """An open engine. `name` is its name in the settings; `spark` is a Spark Connect session."""

    name: str
    spark: "Session"


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """Open the engine that the settings name and close it at the end.

    Raises:
        EngineError: Java is missing or too old, or an endpoint does not answer or refuses this client.

    """
    name = settings.engine
    if name == "sail":
        opened = _open_sail(settings)
    elif name == "spark":
        opened = _open_spark(settings)
    elif name.startswith("sc://"):
        opened = _open_endpoint(name)
    else:
        raise EngineError(f"Unknown engine {name!r}: use sail, spark or sc://host:port.", name)
    with opened as spark:
        for key, value in SESSION_OPTIONS.items():
            spark.conf.set(key, value)
        yield Engine(name, spark)


@contextmanager
def _open_sail(settings: Settings) -> "Iterator[Session]":
    # Sail can only be configured by environment variables, which it reads when the server starts.
    os.environ.setdefault("RUST_LOG", "error")
    os.environ["SAIL_RUNTIME__MEMORY_POOL__TYPE"] = "fair"
    os.environ["SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE"] = str(int(settings.engine_memory))
    os.environ["SAIL_OPTIMIZER__PREFER_HASH_JOIN"] = str(_joins_by_hash(settings)).lower()
    os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"] = str(SAIL_SESSION_TIMEOUT_SECONDS)
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    with _environment(engine_environment(settings.storage_options)):
        server.start(background=True)
        host, port = server.listening_address
        try:
            with _connect(f"sc://{host}:{port}", "sail") as spark:
                yield spark
        finally:
            server.stop()


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block: Sail reads those of an object store at the first use of a bucket."""
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _joins_by_hash(settings: Settings) -> bool:
    """Return whether joins use hash tables, which must fit in memory; otherwise they sort, which may spill to disk."""
    if settings.prefer_hash_join is not None:
        return settings.prefer_hash_join
    place = settings.landing_root or str(settings.landing_dir)
    landed = sum(info.size or 0 for info in list_files(place, settings.storage_options).values())
    return landed * HASH_JOIN_GROWTH <= settings.engine_memory


@contextmanager
def _open_endpoint(url: str) -> "Iterator[Session]":
    endpoint.probe(url)
    with _connect(url, url, is_local=False) as spark:
        yield spark


@contextmanager
def _connect(url: str, name: str, *, is_local: bool = True) -> "Iterator[Session]":
    """Open a session on a running server, by the Spark Connect class.

    `pyspark.sql.SparkSession.builder` is not used: it returns the session of the JVM if one is open.
    """
    from grpc import RpcError
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    os.environ[_CONNECT_MODE] = "1"
    channel = DefaultChannelBuilder(url, [PLAIN_MESSAGES] if is_local else None)
    spark = SparkSession.builder.channelBuilder(channel).create()
    try:
        spark.sql("SELECT 1").collect()
    except (PySparkException, RpcError) as error:
        spark.stop()
        raise endpoint.explain_refusal(error, name) from error
    try:
        yield cast("Session", spark)
    finally:
        spark.stop()


_START_LOCK = Path(tempfile.gettempdir()) / f"bojagi-spark-start-{os.getuid()}.lock"


@contextmanager
def _open_spark(settings: Settings) -> "Iterator[Session]":
    """Start Apache Spark in a JVM, with a Connect server as a plug-in of its context, and open a session on it.

    `.remote("local[*]")` does the same, but on a fixed port. A free port lets two runs share a machine.
    """
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException

    java.require()
    if (running := SparkContext._active_spark_context) is not None:
        # PySpark can have one JVM per process, so a second engine is a second session on it.
        with _connect(_address(running.getConf()), "spark") as spark:
            yield spark
        return
    # The JVM starts Python workers for UDFs: they need this interpreter's packages and our own modules.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    token, port = secrets.token_hex(16), endpoint.find_free_port()
    conf = SparkConf().setMaster("local[*]").setAppName("bojagi").setAll(list(SPARK_OPTIONS.items()))
    conf.set("spark.jars", _similarity_jar())
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
        with _connect(_address(conf), "spark") as spark:
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


def _address(conf: "SparkConf") -> str:
    port, token = conf.get("spark.connect.grpc.binding.port"), conf.get("spark.connect.authenticate.token")
    return f"sc://localhost:{port}/;token={token}"


# While this is set, `pyspark.sql.functions` build Spark Connect expressions, as all our sessions need.
_CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"


@contextmanager
def _classic_mode() -> Iterator[None]:
    """Switch Connect mode off inside the block, because PySpark starts no JVM while an earlier session has it on."""
    mode = os.environ.pop(_CONNECT_MODE, None)
    try:
        yield
    finally:
        if mode is not None:
            os.environ[_CONNECT_MODE] = mode


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


def _end_java(context: "SparkContext") -> None:
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
