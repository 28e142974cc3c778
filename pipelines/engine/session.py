"""Opens the Spark session that the jobs run on.

`sail` (Sail's server inside this process, the default), `spark` (Apache Spark in a JVM of its own, `spark_jvm`) or
`sc://host:port` (any Spark Connect endpoint, `cluster`). All three give the same Spark Connect session class, so jobs
run on each of them without changes.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from installation.object_store.options import engine_environment
from installation.settings import Settings
from pipelines.engine.session_option import landed_bytes
from pipelines.errors import EngineError

if TYPE_CHECKING:
    # Jobs use the API of this class. The object is of the Connect class, which mypy treats as a different class.
    from pyspark.sql import SparkSession as Session

# An embedded server has one user, whose session must survive a long pause in a notebook or in Dagster's UI.
SAIL_SESSION_TIMEOUT_SECONDS = 7 * 24 * 3600

# Ten markets have 0.94 GB of landed files. With this many times as much memory, hash joins built all their tables;
# sorted joins spilled to disk and took up to eight times as long (docs/decisions/0005).
HASH_JOIN_GROWTH = 4


@dataclass(frozen=True)
class Engine:
    """An open engine. `name` is its name in the settings; `spark` is a Spark Connect session."""

    name: str
    spark: "Session"

    @property
    def is_remote(self) -> bool:
        """Whether it runs apart from this process, perhaps on machines with other files."""
        return self.name.startswith("sc://")


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
        from pipelines.engine.spark_jvm import open_spark

        opened = open_spark(settings)
    elif name.startswith("sc://"):
        from pipelines.engine.cluster import open_cluster

        opened = open_cluster(name, settings)
    else:
        raise EngineError(f"Unknown engine {name!r}: use sail, spark or sc://host:port.", name)
    with opened as spark:
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

    from pipelines.engine.connect_session import open_session
    from pipelines.engine.session_option import prepare_session

    server = SparkConnectServer("127.0.0.1", 0)
    with _environment(engine_environment(settings.storage_options)):
        server.start(background=True)
        host, port = server.listening_address
        try:
            with open_session(f"sc://{host}:{port}", "sail", partial(prepare_session, settings=settings)) as spark:
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
    return landed_bytes(settings) * HASH_JOIN_GROWTH <= settings.engine_memory
