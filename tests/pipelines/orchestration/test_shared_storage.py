"""Dagster's runs and events in PostgreSQL, by the setting of the stores."""

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from installation.installation import Installation
from installation.rights.database_row import DatabaseRows
from installation.settings import load_settings
from pipelines.orchestration.home import ADDRESS
from pipelines.orchestration.instance import open_instance
from pipelines.orchestration.run_history import RunHistory
from privacy.rights.subject import Subject
from privacy.rights.subject_store import OutcomeKind
from tests.store_place import StorePlace

pytest.importorskip("dagster_postgres")


@dg.asset
def made() -> int:
    return 1


def test_runs_of_two_machines_are_in_one_record(
    postgres_place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DAGSTER_HOME", ADDRESS):
        monkeypatch.setenv(variable, "")
    assert postgres_place.server is not None
    runs = []
    for machine in ("one", "two"):
        settings = load_settings(data_dir=tmp_path / machine, database=postgres_place.server.conninfo)
        with open_instance(settings) as instance:
            runs.append(dg.materialize([made], instance=instance).run_id)
            if machine == "two":
                assert {run.run_id for run in instance.get_runs()} == set(runs)
                assert instance.get_latest_materialization_event(made.key).run_id == runs[1]  # type: ignore[union-attr]
                assert len(instance.all_logs(runs[0])) > 3
        assert not list(settings.dagster_dir.rglob("*.db"))
        assert "owner" not in (settings.dagster_dir / "dagster.yaml").read_text()
        assert "owner" in os.environ[ADDRESS]
    with postgres_place.outside("") as run:
        assert json.dumps(run("SELECT count(*) FROM dagster.runs")) == "[[2]]"


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_run_that_names_a_person_is_deleted_from_the_database(
    postgres_place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_broken: bool
) -> None:
    for variable in ("DAGSTER_HOME", ADDRESS):
        monkeypatch.setenv(variable, "")
    assert postgres_place.server is not None
    settings = load_settings(data_dir=tmp_path / "one", database=postgres_place.server.conninfo)
    person = Subject("s_1", ("c_0123456789abcdef",))
    with open_instance(settings) as instance:
        named, other = (dg.materialize([made], instance=instance).run_id for _ in range(2))
        instance.add_run_tags(named, {"customer": person.customer_ids[0]})
    with Installation(settings) as installation:
        history, rows = RunHistory(settings, None if is_broken else installation.server), DatabaseRows(installation)
        assert {one.partition(":")[0] for one in rows.verify([person]).residues} == {
            "database, table dagster.run_tags", "database, table dagster.runs",
        }  # fmt: skip
        assert history.erase([person]).kind is OutcomeKind.DONE
        assert rows.verify([person]).is_clean is not is_broken
    with open_instance(settings) as instance:
        assert (named in {run.run_id for run in instance.get_runs()}) is is_broken
        assert other in {run.run_id for run in instance.get_runs()}
