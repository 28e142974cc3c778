"""Times the stores in PostgreSQL and in SQLite in one run: audited reads, audit entries, consents, data keys.

It starts a PostgreSQL server of Debian's package on the loopback address. Both engines flush each commit to the same
disk. The operations alternate between the engines, so that other work slows both. `--data` names the folder of a
finished `bojagi run`, whose gold/customer_360 is read.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.claim import of_runs
from bench.options import make_parser, runs_of
from installation.installation import Installation
from installation.settings import load_settings
from privacy.audit import AuditEntry
from privacy.consent.record import ConsentRecord, new_record_id
from privacy.consent.state import State

TABLE = "gold/customer_360"
RUNS = 200
MOST_TIMES = 3
"""An audited read on PostgreSQL may take so many times that on SQLite."""
NOON = datetime(2026, 3, 1, 12)


def main() -> None:
    """Print one claim for each operation."""
    from tests.database_server import postgres_server

    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder of a finished run")
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {"sqlite": {}, "postgresql": {}}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bojagi-bench-")))
        server = stack.enter_context(postgres_server(flushes=True))
        url = f"postgresql://owner:owner@127.0.0.1:{server.port}/shop"
        root = str(options.data.absolute() / "lakehouse")
        opened = {
            name: stack.enter_context(
                Installation(load_settings(data_dir=folder / name, lakehouse_root=root, database=database))
            )
            for name, database in (("sqlite", None), ("postgresql", url))
        }
        work = {name: operations(installation) for name, installation in opened.items()}
        for number in range(runs_of(options, RUNS, 20)):
            for name, by_operation in work.items():
                for operation, run in by_operation.items():
                    started = time.perf_counter()
                    run(number)
                    found[name].setdefault(operation, []).append(1000 * (time.perf_counter() - started))
    for operation, times in found["postgresql"].items():
        bar = MOST_TIMES if operation.startswith("audited read") else None
        others = found["sqlite"][operation]
        of_runs(operation, times, "ms", others=others, peer="SQLite", bar=bar, on_ratio=True).print_json()


def operations(installation: Installation) -> dict[str, Callable[[int], object]]:
    """Return what is timed, by its name."""
    consents, keys, log = installation.consent_store, installation.open_key_store(), installation.audit_log
    consents.append([_refusal(f"s_{number}") for number in range(100)])
    reader = installation.table_reader("bench")
    use = AuditEntry(at=datetime.now(UTC), who="bench", role="analyst", purpose="analytics", action="read", table=TABLE)
    return {
        "audited read of gold/customer_360": lambda _: reader.read(TABLE, "analyst", "analytics"),
        "audit entry": lambda _: log.append(use),
        "consent stored": lambda number: consents.append([_refusal(f"t_{number}")]),
        "look for new consents": lambda _: (consents.is_replaced(), consents.data_version()),
        "data key made": lambda number: keys.keys_of([f"crm:{number}"]),
        "data key looked up": lambda number: keys.ids_of([f"crm:{number}"]),
    }


def _refusal(subject: str) -> ConsentRecord:
    return ConsentRecord.model_validate(
        {
            "record_id": new_record_id(), "subject_id": subject, "controller": "Shop", "purpose": "marketing",
            "notice_version": "1", "notice_language": "ko", "jurisdiction": "KR", "method": "web_form",
            "state": State.REFUSED, "effective_at": NOON, "recorded_at": NOON, "age_years": 30,
            "evidence_hash": "0" * 64, "asked": "separately",
        }
    )  # fmt: skip


if __name__ == "__main__":
    main()
