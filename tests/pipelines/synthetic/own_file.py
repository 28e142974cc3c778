"""A file of people of one's own, its specification, and the installation that fits it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.synthetic.file_rows import CsvForm
from pipelines.synthetic.service import SyntheticService
from pipelines.synthetic.source import FileForm, FileSource
from privacy.clock import utc_now
from privacy.dp.cost import cost_of_rho
from privacy.synthetic.specification import Specification

SPEC = """\
columns:
  age: {kind: number, minimum: 0, maximum: 110, decimals: 0}
  sex: {kind: category, values: [F, M]}
  smokes: {kind: category, values: ['no', 'yes']}
unit: person
epsilon: 4
"""
ACCOUNT = "people|research|person"


def write_people(path: Path, people: int = 800) -> Path:
    """Write a CSV file in which men smoke more often."""
    random = np.random.default_rng(3)
    sex = random.choice(["F", "M"], people)
    smokes = random.random(people) < np.where(sex == "M", 0.6, 0.1)
    columns = {
        "person": [f"person-{number:05d}" for number in range(people)], "age": random.integers(18, 80, people),
        "sex": sex.tolist(), "smokes": np.where(smokes, "yes", "no").tolist(), "note": ["free text"] * people,
    }  # fmt: skip
    pc.write_csv(pa.table(columns), path)
    return path


def read_specification() -> Specification:
    """Return the specification of the file."""
    from ruamel.yaml import YAML

    return Specification.model_validate(YAML(typ="safe").load(SPEC))


@contextmanager
def open_service(data: Path, rho: float | None = None) -> Iterator[SyntheticService]:
    """Yield the service of an installation whose account has this limit."""
    with Installation(load_settings(data_dir=data, secret_dir=data / "secret")) as installation:
        service = SyntheticService(installation, "ha-neul", "analyst")
        if rho is not None:
            account = source_of(service, write_people(data.parent / "limit.csv", 1)).account
            installation.ledger.set_limit(account, "ever", cost_of_rho(rho), utc_now())
        yield service


def source_of(service: SyntheticService, path: Path) -> FileSource:
    """Return the source of a file of people."""
    form = FileForm.of(service.installation.synthetic_key, "people", "research", path, None, CsvForm())
    return FileSource(read_specification(), form)
