"""What `bojagi status` says of a run: running, killed, stopped or failed, and at which table."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from installation.settings import load_settings
from pipelines.orchestration.instance import JOB, newest_run, open_instance


def definition(error: BaseException | None) -> dg.JobDefinition:
    @dg.op(name="bronze__store")
    def load() -> None:
        pass

    @dg.op(name="silver__customer", ins={"start": dg.In(dg.Nothing)})
    def build() -> None:
        if error is not None:
            raise error

    @dg.job(name=JOB, executor_def=dg.in_process_executor)
    def refresh() -> None:
        build(load())

    return refresh


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the variable DAGSTER_HOME after the test."""
    monkeypatch.setenv("DAGSTER_HOME", "")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(load_settings(data_dir=tmp_path)) as instance:
        yield instance


def test_a_run_that_holds_the_lock_is_running_and_one_without_was_killed(instance: dg.DagsterInstance) -> None:
    instance.create_run_for_job(definition(None), status=dg.DagsterRunStatus.STARTED)
    held, free = newest_run(instance, is_locked=True), newest_run(instance, is_locked=False)
    assert held is not None
    assert free is not None
    assert (held["state"], held["explanation"]) == ("running", None)
    assert free["state"] == "killed"
    assert "while it was opening the engine" in free["explanation"]


def test_a_run_that_the_daemon_has_just_launched_is_running(instance: dg.DagsterInstance) -> None:
    tags = {".dagster/grpc_info": "{}"}
    instance.create_run_for_job(definition(None), status=dg.DagsterRunStatus.STARTING, tags=tags)
    run = newest_run(instance, is_locked=False)
    assert run is not None
    assert run["state"] == "running"


def test_a_killed_run_names_the_table_that_it_worked_on(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:  # the process that is killed in the step of silver/customer
        with open_instance(load_settings(data_dir=tmp_path)) as dying:

            @dg.op(name="silver__customer")
            def build() -> None:
                os._exit(9)

            @dg.job(name=JOB, executor_def=dg.in_process_executor)
            def refresh() -> None:
                build()

            refresh.execute_in_process(instance=dying, run_id=str(uuid4()))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with open_instance(load_settings(data_dir=tmp_path)) as instance:
        run = newest_run(instance, is_locked=False)
    assert run is not None
    assert run["state"] == "killed"
    assert "while it built silver/customer" in run["explanation"]


def test_a_failed_run_names_the_table_and_the_reason(instance: dg.DagsterInstance) -> None:
    definition(dg.Failure("The disk is broken.")).execute_in_process(instance=instance, raise_on_error=False)
    run = newest_run(instance, is_locked=False)
    assert run is not None
    assert (run["state"], run["explanation"]) == ("failure", "silver/customer: The disk is broken.")


def test_a_run_that_a_signal_stopped_says_so(instance: dg.DagsterInstance) -> None:
    definition(dg.DagsterExecutionInterruptedError()).execute_in_process(instance=instance, raise_on_error=False)
    run = newest_run(instance, is_locked=False)
    assert run is not None
    assert run["state"] == "stopped"
    assert "stopped by a signal while it built silver/customer" in run["explanation"]


def test_a_finished_run_needs_no_explanation(instance: dg.DagsterInstance) -> None:
    definition(None).execute_in_process(instance=instance)
    run = newest_run(instance, is_locked=False)
    assert run is not None
    assert (run["state"], run["explanation"]) == ("success", None)


def test_without_a_run_there_is_none(instance: dg.DagsterInstance) -> None:
    assert newest_run(instance, is_locked=False) is None
