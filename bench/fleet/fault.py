"""Compares what two machines find at the end with what their processes have acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from bench.fleet.machine import MACHINES, OFFICER, OPEN, RHO_LIMIT, Fleet, Outcome, Plan, end_of, run_words
from installation.installation import Installation
from privacy.dp.cost import cost_of_rho
from privacy.errors import PrivacyError
from privacy.protection.revealer import SUBJECT_RIGHTS


def faults_of(fleet: Fleet, outcome: Outcome, plan: Plan) -> list[str]:
    """Run once on each machine, execute what is approved, and return everything that is not as it was acknowledged."""
    faults = [f"{line['kind']} failed: {line['error']}" for line in outcome.lines if line["state"] == "failed"]
    # An erasure is complete when each machine has executed it, so the last one may need the first one again.
    for machine, *words in (
        ("one", "rights", "execute"), ("two", "rights", "execute"), ("one", "rights", "execute"),
        *((machine, *run_words(plan.selection)) for machine in MACHINES),
    ):  # fmt: skip
        done = fleet.command(machine, *words)
        if done.returncode not in ((0, OPEN) if words[0] == "rights" else (0,)):
            faults.append(f"{' '.join(words)} on {machine} ended with {done.returncode}: {end_of(done)}")
    for machine in MACHINES:
        with fleet.opened(machine) as installation:
            faults += [f"{machine}: {fault}" for fault in _faults_of_stores(installation, outcome)]
            faults += [f"{machine}: {fault}" for fault in _faults_of_tables(installation, outcome)]
    return faults + _faults_of_reads(outcome)


def _faults_of_stores(installation: Installation, outcome: Outcome) -> Iterator[str]:
    yield from (str(fault) for fault in installation.audit_log.verify())
    logged = sum(entry.who == OFFICER and entry.action == "read" for _, entry in installation.audit_log.entries())
    if logged < outcome.count("read"):
        yield f"{outcome.count('read')} reads were acknowledged, {logged} are in the audit log"
    store = installation.consent_store
    lost = [one for line in outcome.of("consent", "object") for one in line["records"] if not store.has(one)]
    if lost:
        yield f"{len(lost)} acknowledged consents are lost"
    with closing(installation.open_ledger()) as ledger:
        ledger.verify()
        costs = [entry.content["spend"][1] for entry in ledger.entries() if entry.content["kind"] == "spend"]
    if sum(costs) > cost_of_rho(RHO_LIMIT).nano_rho:
        yield f"the budget is overspent: {sum(costs)} nano ρ of {cost_of_rho(RHO_LIMIT).nano_rho}"
    if len(costs) < outcome.count("statistics"):
        yield f"{outcome.count('statistics')} answers were acknowledged, {len(costs)} were paid"
    service = installation.rights_service()
    service.log.store.require_sound()
    for line in outcome.of("approve"):
        if not (request := service.request(line["request"])).certificate:
            yield f"the erasure {request.id} is {request.state}"


def _faults_of_tables(installation: Installation, outcome: Outcome) -> Iterator[str]:
    lakehouse, erased = installation.lakehouse, {line["customer"] for line in outcome.of("approve")}
    reveal = installation.revealer(OFFICER, SUBJECT_RIGHTS)
    for contract in installation.contracts.values():
        if not lakehouse.exists(contract.table):
            continue
        rows = lakehouse.select(contract.table)
        # Sources have rows of one key by themselves, such as corrections, but each line of a file once.
        names = ("_source_file", "_line") if contract.layer == "source" else contract.primary_key
        key = [rows[name].to_pylist() for name in names]
        if key and len(set(zip(*key, strict=True))) < rows.num_rows:
            yield f"{contract.table} has a row twice"
        if "customer_id" in rows.column_names and erased & set(rows["customer_id"].to_pylist()):
            yield f"{contract.table} has a row of an erased customer"
        try:
            reveal(contract, rows)  # fails if one machine encrypted under a key that the other does not have
        except PrivacyError as error:
            yield f"{contract.table} cannot be decrypted: {error.message}"


def _faults_of_reads(outcome: Outcome) -> list[str]:
    """Return the reads that began after an objection was acknowledged, and show the customer."""
    objected = {line["customer"]: line["end"] for line in reversed(outcome.of("object"))}
    return [
        f"a read shows {customer} after the objection"
        for line in outcome.of("read")
        for customer in line["customers"]
        if objected.get(customer, float("inf")) < line["begin"]
    ]
