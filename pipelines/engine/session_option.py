"""Sets the options of a session that every engine needs, and those by which Spark reaches an object store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from installation.object_store.options import hadoop_options
from installation.object_store.place import is_url, list_files
from installation.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SESSION_OPTIONS: Mapping[str, str] = {
    # Event times are local wall time without a zone. With UTC no conversion changes them.
    "spark.sql.session.timeZone": "UTC",
    # Spark 4.1 and 4.2 plan a union of inputs that are partitioned by one key as partitioned by that key, and leave out
    # the shuffle before a grouping. If one of them then reuses a shuffle, the union runs as a plain concatenation, and
    # the grouping returns a key twice (SPARK-52921 added the option). Sail and other versions ignore it.
    "spark.sql.unionOutputPartitioning": "false",
}


def landed_bytes(settings: Settings) -> int:
    """Return the size of the landed files, by which engines are set before any table exists."""
    place = settings.landing_root or str(settings.landing_dir)
    return sum(info.size or 0 for info in list_files(place, settings.storage_options).values())


def prepare_session(spark: SparkSession, settings: Settings) -> None:
    """Set the options of a new session.

    Spark hands the options of a session to its workers, so a cluster needs no credentials of its own. Without
    `storage_options` a cluster keeps its own way to the object store.
    """
    options = dict(SESSION_OPTIONS)
    if settings.storage_options or (settings.engine == "spark" and is_url(settings.lakehouse_root)):
        options |= hadoop_options(settings.storage_options)
    for key, value in options.items():
        spark.conf.set(key, value)
