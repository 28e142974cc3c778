"""Command `bojagi doctor`: examines the installation and says for each fault what to do next."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installation.installation import Installation
    from pipelines.doctor.examination import Finding


def doctor(
    spark: Annotated[
        bool, typer.Option("--spark", help="Start Apache Spark as well; the first start fetches it.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Examine versions, machine, secrets, stores, endpoints, engines and Dagster. Changes nothing.

    Exit code 0: all parts work; a warning is something to change. Exit code 3: a part does not work. Exit code 2: the
    settings cannot be read.

    [bold]Examples[/bold]

      bojagi doctor
      bojagi doctor --json | jq '.[] | select(.outcome == "failed")'
    """
    from pipelines.doctor.examination import Outcome

    findings = []
    with installation_for(data) as installation:
        for finding in examine(installation, starts_spark=spark):
            findings.append(finding)
            if not as_json:
                _print(finding)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        counts = {outcome: sum(one.outcome is outcome for one in findings) for outcome in Outcome}
        print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if any(finding.outcome is Outcome.FAILED for finding in findings):
        raise typer.Exit(ExitCode.ENVIRONMENT)


def examine(installation: Installation, *, starts_spark: bool) -> Iterator[Finding]:
    """Yield the findings: of the machine, stores, endpoints and Dagster, then of one engine after the other."""
    from pipelines.doctor.endpoint import of_endpoints
    from pipelines.doctor.engine import of_engines
    from pipelines.doctor.examination import run_examinations
    from pipelines.doctor.machine import of_machine
    from pipelines.doctor.store import of_stores
    from pipelines.orchestration.examination import of_dagster

    settings = installation.settings
    parts = (of_machine(settings), of_stores(installation), of_endpoints(installation), of_dagster(settings))
    yield from run_examinations(one for part in parts for one in part)
    for engine in of_engines(settings, starts_spark=starts_spark):
        yield from run_examinations([engine])


def _print(finding: Finding) -> None:
    marks = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}
    print(f"{marks[finding.outcome]} {finding.subject:<20} {finding.text}", flush=True)
    if finding.remedy:
        print(f"  {'':<20} {finding.remedy}")
