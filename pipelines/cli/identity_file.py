"""Evaluates labelled person files for the command `bojagi identity evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from installation.settings import load_settings
from pipelines.evaluation.dataset import (
    FEBRL,
    HISTORICAL,
    LabelledFile,
    load_febrl,
    load_historical,
    load_labelled,
    load_simulated,
)
from pipelines.evaluation.evaluation import Evaluation, evaluate
from pipelines.matching.errors import MappingError, SourceFileError
from pipelines.matching.mapping import load_mapping
from pipelines.matching.resolution import Options


@dataclass(frozen=True)
class Labelled:
    """Options of an evaluation that select its records.

    Attributes:
        source: labelled person file; None for a named data set.
        truth: column of the file with the true person.
        mapping: mapping of the file's columns; None to guess it.
        data: file or folder of a named data set; None for the default.
    """

    source: Path | None = None
    truth: str | None = None
    mapping: Path | None = None
    data: Path | None = None


def evaluate_labelled(name: str | None, labelled: Labelled, memory: str, *, with_baseline: bool) -> Evaluation:
    """Evaluate the resolver, and optionally plain Splink, on a data set or a labelled file; return the metrics."""
    return evaluate(_labelled(name, labelled), Options(memory=memory), with_baseline=with_baseline)


def _labelled(name: str | None, file: Labelled) -> LabelledFile:
    source, truth, mapping, data = file.source, file.truth, file.mapping, file.data
    if source is not None:
        if truth is None or name is not None:
            raise MappingError("With --input give --truth COLUMN and no name of a data set.")
        loaded = load_labelled(source, truth)
        parts = load_mapping(mapping, list(loaded.frame.columns)) if mapping else loaded.mapping
        return LabelledFile(loaded.name, loaded.frame, loaded.truth, parts)
    if name in FEBRL:
        return load_febrl(name)
    if name == HISTORICAL:
        if data is None:
            raise SourceFileError(
                "historical_50k is not part of Bojagi. Download it (a data set of Splink) and give the Parquet file "
                "with --data."
            )
        return load_historical(data)
    if name == "simulated":
        return load_simulated(data) if data else _simulated()
    raise MappingError(
        f"Unknown data set {name!r}; expected {', '.join(FEBRL)}, {HISTORICAL} or simulated. "
        "To evaluate a labelled file give --input and --truth."
    )


def _simulated() -> LabelledFile:
    """Load the simulated people of the data folder; if it has none, simulate them in a temporary folder."""
    settings = load_settings()
    if (settings.data_dir / "truth" / "record.parquet").is_file():
        return load_simulated(settings.data_dir)
    from pipelines.simulate.simulation import simulate

    with TemporaryDirectory(prefix="bojagi-") as folder:
        typer.echo(f"No simulation in {settings.data_dir}: simulating people for this evaluation.", err=True)
        simulate(Path(folder), settings.seed)
        return load_simulated(Path(folder))
