"""Dagster executes approved requests, says which store keeps one open, and fails while one is overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.defs.rights import deadline_job, rights_job, rights_sensor, run_key
from privacy.protection.scan.needle import Needle
from privacy.rights.request import Actor, Right, State, Submission
from privacy.rights.subject import Subject
from tests.pipelines.rights.toy_store import with_shared_contracts

OFFICER = Actor(who="officer", role="privacy_officer")
NOW = datetime(2026, 2, 6, 3, 0, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """An installation with an approved erasure."""
    monkeypatch.setattr(
        "pipelines.orchestration.rights_registry.find_person",
        lambda _, customer, reference: Subject(reference, (customer,), needles=(Needle("email", "kim@example.com"),)),
    )
    (tmp_path / "lakehouse").mkdir()
    with with_shared_contracts(Installation(load_settings(None, data_dir=tmp_path), lambda: NOW)) as opened:
        opened.consent_store.assign("p_1", "c_00000001", datetime(2020, 1, 1))
        service = opened.rights_service()
        request = service.submit(Submission(right=Right.ERASURE, customer_id="c_00000001"), OFFICER).request
        service.verify_identity(request.id, "passport_seen", OFFICER)
        service.approve(request.id, OFFICER)
        yield opened


def look(installation: Installation) -> object:
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = rights_sensor(rights_job(installation), installation)
        return sensor(dg.build_sensor_context(instance=instance))


def test_the_sensor_starts_a_run_for_an_approved_request_and_none_afterwards(installation: Installation) -> None:
    assert isinstance(look(installation), dg.RunRequest)
    assert rights_job(installation).execute_in_process().success
    (request,) = installation.rights_service().requests()
    assert request.state is State.COMPLETED
    assert isinstance(look(installation), dg.SkipReason)


def test_the_job_fails_with_the_store_that_keeps_a_request_open(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("installation.rights.data_keys.DataKeys.erase", refuse)
    done = rights_job(installation).execute_in_process(raise_on_error=False)
    assert not done.success
    assert "keys: OSError: No space left on device" in str(done.failure_data_for_node("execute_requests"))


def test_an_open_request_is_tried_again_each_hour_and_a_new_approval_at_once() -> None:
    waiting = [("q_1", State.EXECUTING)]
    assert run_key(waiting, NOW) == run_key(waiting, NOW + timedelta(minutes=10))
    assert run_key(waiting, NOW) != run_key(waiting, NOW + timedelta(hours=1))
    assert run_key(waiting, NOW) != run_key([*waiting, ("q_2", State.APPROVED)], NOW)


def test_the_deadline_job_fails_only_while_a_request_is_overdue(installation: Installation) -> None:
    assert deadline_job(installation).execute_in_process().success
    late = Installation(installation.settings, lambda: NOW + timedelta(days=30))
    done = deadline_job(late).execute_in_process(raise_on_error=False)
    assert "Overdue requests: q_" in str(done.failure_data_for_node("look_at_deadlines"))
