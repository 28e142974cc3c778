"""Makes a synthetic release: fits, judges, and writes the tables if the release gate is open; proves them later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse_claim import require_own
from pipelines.release.declaration import SyntheticRelease
from pipelines.synthetic.judgement import Judgement, Question, judge
from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.sampling import draw
from pipelines.synthetic.service import Fitted, SyntheticService
from pipelines.synthetic.source import Source, TableSource
from privacy.clock import utc_now
from privacy.synthetic.synthesizer import Progress, no_progress
from privacy.synthetic.verdict import Check

Tables = dict[str, pa.Table]
"""Published tables by their lakehouse names."""


@dataclass(frozen=True)
class Published:
    """A written release: its fit, the verdict of the gate, rows of each table, and the budget left."""

    fitted: Fitted
    judgement: Judgement
    rows: dict[str, int]
    balances: dict[str, float]


def publish(
    release: SyntheticRelease, service: SyntheticService, progress: Progress = no_progress, *, again: bool = False
) -> Published:
    """Write the release's tables, remove the files of earlier versions, and return the figures of the release.

    The order: debit, noise, model, rows, gate; the tables are written last. In the declared period the stored model is
    used again and costs nothing. Its rows are the same, because the seed follows from the model.

    Guarantee: (ε, δ)-DP of the declaration for customers who differ in all their rows; customers who do not permit the
    purpose at the time of the fit are not in it.

    Raises:
        GateClosed: a check of the gate failed. Nothing was written; the report names it.
        PrivacyError: role, purpose, budget or log refuse the fit.
        ReleaseError: the contracts do not allow the release.
        LakehouseError: a source table does not exist, or the lakehouse belongs to another installation.
    """
    place = service.installation
    require_own(place)
    request = release.request
    scope = request.scope(utc_now())
    source = TableSource.of(request, scope, place.contracts, place.lakehouse, place.consent_view)
    folder = ModelFolder.of_release(place.settings, release.name)
    fitted = service.fit(source, folder, progress, again=again)
    tables = drawn(release, fitted)
    found = judged(release, service, fitted, source, tables)
    found.save(folder.path)
    place.shared_files.publish(folder.path)
    found.gate.require_open()
    for name, table in tables.items():
        _write(name, table, place.lakehouse)
    counts = {name: table.num_rows for name, table in tables.items()}
    return Published(fitted, found, counts, service.balances(source))


def prove(release: SyntheticRelease, service: SyntheticService) -> list[Check]:
    """Return the checks of the written tables: the gate again, and that they are exactly what the sealed model draws.

    Raises:
        DamagedModel: the model was changed, is missing, or the ledger has no record of its fit.
        LakehouseError: a table does not exist.
    """
    folder = ModelFolder.of_release(service.installation.settings, release.name)
    fitted = service.open(folder)
    lakehouse = service.installation.lakehouse
    written = {name: lakehouse.rows(name) for name in release.tables}
    checks = [_origin(name, written[name], table) for name, table in drawn(release, fitted).items()]
    source = service.source(folder, fitted)
    return list(judged(release, service, fitted, source, written, checks).gate.checks)


def drawn(release: SyntheticRelease, fitted: Fitted) -> Tables:
    """Return the rows that a release publishes: always the same for the same model."""
    tables = draw(fitted.model, release.rows, seed_of(fitted))
    return {name: _storable(table) for name, table in zip(release.tables, tables, strict=True)}


def judged(
    release: SyntheticRelease,
    service: SyntheticService,
    fitted: Fitted,
    source: Source,
    tables: Tables,
    further: Sequence[Check] = (),
) -> Judgement:  # fmt: skip
    """Return the scores, attacks and checks of published rows."""
    question = Question(f"{release.table} for {release.recipient}", release.target, release.attacked)
    rows = [tables[name] for name in release.tables]
    return judge(fitted, source, service.sides(source), rows, service.installation.ledger, question, further)


def _origin(table: str, written: pa.Table, expected: pa.Table) -> Check:
    """Return whether a written table holds the model's rows and nothing else, in any order."""
    names = expected.column_names
    is_same = sorted(written.column_names) == sorted(names) and _ordered(written, names).equals(
        _ordered(expected, names)
    )
    found = "exactly what the model draws" if is_same else "not what the model draws; run the job `synthetic` again"
    return Check("origin", is_same, f"the rows of {table} are {found}")


def _ordered(table: pa.Table, names: Sequence[str]) -> pa.Table:
    return table.select(names).combine_chunks().sort_by([(name, "ascending") for name in names])


def seed_of(fitted: Fitted) -> int:
    """Return the seed of a release's rows. It follows from the model, so the same model gives the same rows."""
    return int(fitted.record.model[:8], 16)


def _storable(table: pa.Table) -> pa.Table:
    """Return the table with moments in microseconds, the only unit that Delta stores."""
    fields = [field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
              for field in table.schema]  # fmt: skip
    return table.cast(pa.schema(fields)).combine_chunks()


def _write(name: str, table: pa.Table, lakehouse: Lakehouse) -> None:
    """Write a table in one commit and remove earlier files."""
    lakehouse.overwrite_rows(name, table)
    lakehouse.vacuum(name, 0)
