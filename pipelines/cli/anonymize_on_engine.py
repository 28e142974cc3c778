"""Anonymises a table that is too large for this process: the engine reads, counts, labels and writes it."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from installation.errors import SettingsError
from installation.object_store.place import is_url
from pipelines.cli.place_option import shown

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from privacy.anonymity.spec.specification import Spec


def release_on_engine(spec: "Spec", source: Path, output: Path, engine: str) -> dict[str, object]:
    """Anonymises a Delta table or a folder of Parquet files into a new folder of the same kind; returns its figures.

    Intermediate counts and labels lie in a scratch folder beside the output, which is removed at the end. Rows are
    written in the order of their own values, so they do not reveal the order of the input.

    Raises:
        SettingsError: the output exists or is a file, or the engine cannot read the input.
        AnonymityError: no release satisfies the models. Nothing is written.
    """
    from installation.settings import load_settings
    from pipelines.engine.session import open_engine
    from privacy.anonymity.engine.engine_release import anonymize_on_engine
    from privacy.anonymity.report.wording import ALONE

    if output.exists() or output.suffix in (".csv", ".parquet"):
        raise SettingsError(
            f"--output {output.name} cannot be used: with --engine, name a folder that does not exist yet"
        )
    is_delta = (source / "_delta_log").is_dir()
    output.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".bojagi-scratch-", dir=output.parent.resolve()))
    try:
        with open_engine(load_settings(engine=engine)) as opened:
            frame = _load(opened.spark, source, "delta" if is_delta else "parquet", engine)
            release = anonymize_on_engine(frame, spec, str(scratch / "run"))
            ordered = release.frame.orderBy(*[f"`{name}`" for name in release.frame.columns])
            ordered.write.format("delta" if is_delta else "parquet").save(str(output.resolve()))
    finally:
        shutil.rmtree(scratch)
    return {
        "output": str(output),
        "rows": release.verdict.rows,
        "suppressed": release.suppressed,
        "classes": release.classes,
        "information_loss": round(float(release.loss), 6),
        "measured": dict(release.verdict.measured),
        "other_releases": ALONE,
    }


def _load(session: "SparkSession", source: Path, form: str, engine: str) -> "DataFrame":
    """Returns the table; raises SettingsError when its schema cannot be read."""
    from pyspark.errors import PySparkException

    frame = session.read.format(form).load(location if is_url(location := shown(source)) else str(source.resolve()))
    try:
        frame.columns  # noqa: B018 - the engine reads the schema here
    except PySparkException as error:
        raise SettingsError(
            f"{source.name} cannot be read as {form} by engine {engine}; name the folder of a Delta table or of "
            "Parquet files whose columns all have a type, or remove --engine"
        ) from error
    return frame
