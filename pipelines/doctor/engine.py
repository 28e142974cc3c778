"""Examines the engines: each is started and answers one query. Apache Spark is started only where it can be."""

from __future__ import annotations

from collections.abc import Iterator

from installation.settings import Settings
from pipelines.doctor.examination import Examination, Result

_QUERY = "SELECT sum(id) AS total FROM range(1000)"
_EXPECTED = 499_500


def of_engines(settings: Settings, *, starts_spark: bool) -> Iterator[Examination]:
    """Yield the examinations of the engines. Run them one after the other: they share variables of the environment.

    `starts_spark`: whether Apache Spark is started although the settings name another engine. The first start fetches
    its jars.
    """
    yield Examination("engine sail", lambda: _starts(settings, "sail"), "Install the locked versions again.")
    yield Examination("engine spark", lambda: _spark(settings, starts_spark), f"See {settings.engine_log_file}.")
    if settings.engine.startswith("sc://"):
        yield Examination(
            "engine", lambda: _starts(settings, settings.engine), "Start the server, or correct `engine`."
        )


def _spark(settings: Settings, starts_spark: bool) -> Result:
    from pipelines.engine import java

    is_used = settings.engine == "spark"
    command = java.find()
    if not is_used and (command is None or (java.read_version(command) or 0) < java.OLDEST_JAVA):
        return Result.skip(f"Java {java.OLDEST_JAVA} is not installed; the settings do not use it")
    if not is_used and not starts_spark:
        return Result.skip("Java is there; --spark starts it")
    return _starts(settings, "spark")


def _starts(settings: Settings, name: str) -> Result:
    from pipelines.engine.session import open_engine

    with open_engine(settings.model_copy(update={"engine": name})) as engine:
        found = engine.spark.sql(_QUERY).collect()[0]["total"]
        version = engine.spark.version
    if found != _EXPECTED:
        return Result.fail(f"a sum is {found}, expected {_EXPECTED}", "Install the locked versions again.")
    return Result.ok(f"starts and answers, Spark API {version}")
