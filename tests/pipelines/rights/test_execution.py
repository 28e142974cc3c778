"""Executed requests on real request stores: what completes, what stays open and why, and what a kill leaves."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.rights.execution import Execution
from privacy.rights.certificate import verify
from privacy.rights.errors import RequestStateError, RequestStoreError
from privacy.rights.request import Event, EventKind, State
from privacy.storage.hash_chain import ChainHead
from tests.pipelines.rights.toy_store import CUSTOMERS, NOW, OFFICER, World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, stores=2)
    with made.installation:
        yield made


def test_an_erasure_ends_in_verified_stores_and_a_signed_certificate(world: World) -> None:
    request = world.approved()
    (done,) = world.execution.run()
    assert (done.state, done.failures) == (State.COMPLETED, ())
    folder = world.execution.certification.folder
    content, pdf = (folder / f"{request.id}.json").read_bytes(), (folder / f"{request.id}.pdf").read_bytes()
    assert done.certificate == sha256(content).hexdigest()
    certificate = verify(content, world.execution.certification.signer.public_key, pdf)
    stores = {store.store: store for store in certificate.signed.statement.stores}
    assert stores["toy"].counts == {"rows_deleted": 2}
    assert stores["toy"].checked[0].sha256 == sha256(world.stores[0].file.read_bytes()).hexdigest()
    assert list(stores) == ["suppression", "toy", "toy_1", "requests"]
    assert all(row["customer"] != CUSTOMERS[0] for store in world.stores for row in store.rows())
    assert len(world.stores[0].rows()) == 2 * len(CUSTOMERS) - 2


def test_an_erasure_stays_open_until_every_machine_has_erased(world: World) -> None:
    waiting, confirmed = ["db2:/data"], []

    def confirm(request: str) -> list[str]:
        confirmed.append(request)
        return list(waiting)

    execution = replace(world.execution, tools=replace(world.execution.tools, confirm=confirm))
    world.stores[0].fault = "forgets to erase"
    request = world.approved()
    execution.run()
    assert confirmed == [], "a machine on which something was found does not confirm"
    world.stores[0].fault = ""
    (still_open,) = execution.run()
    assert still_open.state is State.EXECUTING
    assert [(one.store, one.reason.split()[0]) for one in still_open.failures] == [("other machines", "db2:/data")]
    waiting.clear()
    (done,) = execution.run()
    assert (done.state, done.failures, confirmed) == (State.COMPLETED, (), [request.id] * 2)


def test_after_an_erasure_no_file_of_requests_leads_to_the_person(world: World) -> None:
    answered = world.approved("access", contact="kim@example.com")
    world.execution.run()
    waiting = world.service.submit(world.service.asked(world.approved("restriction")), OFFICER).request
    world.approved(contact="kim@example.com")
    world.execution.run()
    world.execution.run()
    store = world.installation.request_store
    assert store.sealed_names() == {}
    assert store.references_of([CUSTOMERS[0]]) == set()
    assert world.service.request(answered.id).is_answer_ready is False
    assert not world.service.request(waiting.id).state.is_open
    folder = world.installation.settings.data_dir / "rights"
    for path in (p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert CUSTOMERS[0].encode() not in content
        assert b"kim@example.com" not in content


def test_many_requests_share_one_rewrite_of_each_store(world: World) -> None:
    requests = [world.approved(customer=customer) for customer in CUSTOMERS[:4]]
    done = world.execution.run()
    assert {request.id for request in done} == {request.id for request in requests}
    assert all(request.state is State.COMPLETED for request in done)
    assert [store.rewrites for store in world.stores] == [1, 1]
    # The numbers are those of all four, and each certificate says so.
    for request in done:
        (outcome,) = world.service.cases.steps(request)["toy"]
        assert outcome.counts == {"rows_deleted": 8, "persons_together": 4}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("unreachable", "ConnectionRefusedError: Connection refused"),
        ("full disk", "OSError: No space left on device"),
        ("leaky error", "ValueError. The log of the execution has the traceback."),
        ("forgets to erase", "still found: toy.json, customer id"),
        ("cannot look", "could not be verified: toy.json: no reader for its format"),
    ],
)
def test_a_store_that_fails_keeps_the_request_open_and_is_named(world: World, fault: str, reason: str) -> None:
    request = world.approved()
    world.stores[1].fault = fault
    (still,) = world.execution.run()
    assert still.state is State.EXECUTING
    assert ("toy_1", reason) in [(failure.store, failure.reason) for failure in still.failures]
    assert not (world.execution.certification.folder / f"{request.id}.json").exists()
    # The stores that could erase have erased.
    assert all(row["customer"] != CUSTOMERS[0] for row in world.stores[0].rows())
    world.stores[1].fault = ""
    (done,) = world.execution.run()
    assert (done.state, done.failures) == (State.COMPLETED, ())


def test_a_person_whom_a_store_cannot_finish_does_not_keep_the_requests_of_others_open(world: World) -> None:
    first, second = world.approved(customer=CUSTOMERS[0]), world.approved(customer=CUSTOMERS[1])
    world.stores[0].stubborn = {CUSTOMERS[0]}
    states = {request.id: request.state for request in world.execution.run()}
    assert states == {first.id: State.EXECUTING, second.id: State.COMPLETED}


def test_a_store_waits_for_the_stores_that_must_erase_before_it(world: World) -> None:
    world.approved()
    keys = world.stores[1]
    keys.after, world.stores[0].fault = ("toy",), "full disk"
    (still,) = world.execution.run()
    assert "Waits for toy" in {f.store: f.reason for f in reversed(still.failures)}["toy_1"]
    assert len(keys.rows()) == 2 * len(CUSTOMERS)


def test_a_hold_that_is_placed_after_the_approval_stops_the_erasure(world: World) -> None:
    request = world.approved()
    hold = world.service.holds.place(CUSTOMERS[0], "court case 7", OFFICER)
    (stopped,) = world.execution.run()
    assert (stopped.state, stopped.failures[0].store) == (State.APPROVED, "legal hold")
    assert len(world.stores[0].rows()) == 2 * len(CUSTOMERS)
    world.service.holds.release(hold.id, OFFICER)
    (done,) = world.execution.run()
    assert (done.id, done.state) == (request.id, State.COMPLETED)


def test_an_answer_lacks_no_store_and_is_disclosed_to_nobody_else(world: World) -> None:
    request = world.approved("access")
    world.stores[1].fault = "unreachable"
    (still,) = world.execution.run()
    assert [failure.store for failure in still.failures] == ["toy_1"]
    with pytest.raises(RequestStateError):
        world.service.answer(request.id, OFFICER)
    world.stores[1].fault = ""
    (done,) = world.execution.run()
    assert (done.state, done.is_answer_ready) == (State.COMPLETED, True)
    rows = json.loads(world.service.answer(request.id, OFFICER))[0]
    assert rows == [{"customer": CUSTOMERS[0], "value": 1}, {"customer": CUSTOMERS[0], "value": 2}]
    assert world.service.request(request.id).downloads == 1


def test_an_erasure_waits_until_the_approved_access_of_the_same_person_is_answered(world: World) -> None:
    world.approved("access")
    world.approved("erasure")
    world.stores[1].fault = "unreachable"
    states = {request.right: request.state for request in world.execution.run()}
    assert set(states.values()) == {State.EXECUTING}
    assert len(world.stores[0].rows()) == 2 * len(CUSTOMERS)
    world.stores[1].fault = ""
    assert {request.state for request in world.execution.run()} == {State.COMPLETED}


def test_a_rectification_that_no_store_can_carry_out_stays_open(world: World) -> None:
    known = {"source": "toy", "column": "value", "value": "3"}
    (done,) = [world.approved("rectification", corrections=(known,))]
    unknown = world.approved("rectification", corrections=({**known, "source": "nowhere"},))
    states = {request.id: request for request in world.execution.run()}
    assert states[done.id].state is State.COMPLETED
    assert [row["value"] for row in world.stores[0].rows()][:2] == ["3", "3"]
    assert states[unknown.id].failures[0].store == "rectification"


@pytest.mark.parametrize("end", ["refused", "withdrawn"])
def test_a_correction_that_cannot_be_carried_out_can_end_so_that_an_erasure_goes_on(world: World, end: str) -> None:
    asked = ({"source": "nowhere", "column": "value", "value": "3"},)
    stuck = world.approved("rectification", corrections=asked)
    erasure = world.approved()
    assert {request.state for request in world.execution.run()} == {State.EXECUTING}
    with pytest.raises(RequestStateError):
        world.service.withdraw(erasure.id, OFFICER)  # an erasure that has begun does not end so
    if end == "refused":
        world.service.refuse(stuck.id, "investigation_of_accuracy", OFFICER)
    else:
        world.service.withdraw(stuck.id, OFFICER)
    with pytest.raises(RequestStateError):
        world.service.cases.complete(stuck, "0" * 64)  # an execution that runs meanwhile does not complete it
    assert [request.state for request in world.execution.run()] == [State.COMPLETED]


def test_an_approval_that_was_written_into_the_database_without_the_secret_is_not_executed(world: World) -> None:
    request = world.approved()
    waiting = world.service.submit(
        world.service.asked(request).model_copy(update={"customer_id": CUSTOMERS[1]}), OFFICER
    )
    store = world.installation.request_store
    forged = Event(request=waiting.request.id, at=NOW, kind=EventKind.APPROVED, by=OFFICER).model_dump_json()
    with sqlite3.connect(store.path) as other:
        number, digest = other.execute("SELECT number, digest FROM event ORDER BY number DESC LIMIT 1").fetchone()
        head = ChainHead(number, digest).next(forged)
        values = (head.number, waiting.request.id, waiting.request.subject, forged, head.digest, "0" * 64)
        other.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", values)
    assert world.service.request(waiting.request.id).state is State.APPROVED
    with pytest.raises(RequestStoreError, match="not written by this installation"):
        world.execution.run()
    assert len(world.stores[0].rows()) == 2 * len(CUSTOMERS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], object, float]:
    """A folder with approved requests, their ids, the end of an undisturbed execution, and its seconds."""
    folder, undisturbed = tmp_path_factory.mktemp("prepared") / "a", tmp_path_factory.mktemp("undisturbed") / "a"
    folder.mkdir()
    with (world := open_world(folder, stores=3)).installation:
        made = [world.approved("access", CUSTOMERS[2]), world.approved("access"), world.approved("erasure")]
        ids = [request.id for request in [*made, world.approved("erasure", CUSTOMERS[1])]]
    shutil.copytree(folder, undisturbed)
    started = time.monotonic()
    _execute(undisturbed)
    return folder, ids, _end(undisturbed, ids), time.monotonic() - started


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_execution_that_is_resumed_ends_as_an_undisturbed_one(
    prepared: tuple[Path, list[str], object, float], tmp_path: Path, seed: int
) -> None:
    folder, ids, undisturbed, seconds = prepared
    killed = tmp_path / "a"
    shutil.copytree(folder, killed)
    draw = random.Random(seed)
    for _ in range(2):
        child = os.fork()
        if child == 0:
            _execute(killed)
            os._exit(0)
        time.sleep(draw.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    _execute(killed)
    assert _end(killed, ids) == undisturbed


def _execute(folder: Path) -> None:
    world = open_world(folder, stores=3)
    with world.installation:
        world.execution.run()


def _end(folder: Path, ids: list[str]) -> object:
    """Return everything that must be the same at the end, whatever happened in between."""
    world = open_world(folder, stores=3)
    with world.installation:
        service, execution = world.service, world.execution
        requests = [service.request(one) for one in ids]
        events = [service.log.store.events(one) for one in ids]
        counted = [sum(event.kind is kind for event in found) for found in events
                   for kind in (EventKind.STARTED, EventKind.ANSWERED, EventKind.COMPLETED)]  # fmt: skip
        certificates = []
        for request in requests:
            content = execution.certification.path(request.id, "json").read_bytes()
            assert sha256(content).hexdigest() == request.certificate
            statement = verify(content, execution.certification.signer.public_key).signed.statement
            certificates.append([
                (store.store, store.outcome, [part.sha256 for part in store.checked if store.store != "requests"])
                for store in statement.stores
            ])  # fmt: skip
        assert service.log.store.verify() == []
        return (
            [(r.right, r.state, r.failures, r.is_answer_ready) for r in requests], counted, certificates,
            [store.rows() for store in world.stores], json.loads(world.suppressed.read_text()),
            sorted(len(names) for names in service.log.store.sealed_names().values()),
            world.installation.open_key_store().status().data_keys,
        )  # fmt: skip


def test_the_comparison_of_the_kill_test_sees_a_step_that_is_left_out(
    prepared: tuple[Path, list[str], object, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, ids, undisturbed, _ = prepared
    killed = tmp_path / "a"
    shutil.copytree(folder, killed)
    monkeypatch.setattr(Execution, "_erase_in", lambda *_: None)
    monkeypatch.setattr(Execution, "_verify_in", lambda *_: None)
    _execute(killed)
    assert _end(killed, ids) != undisturbed
