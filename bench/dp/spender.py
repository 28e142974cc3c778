"""A process that spends until it is told to stop: `python -m bench.dp.spender FOLDER NAME COUNT`.

Prints one line per grant, after it was granted, and is meant to be killed at any moment.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused
from privacy.dp.ledger import Grant, Ledger
from privacy.dp.sqlite_store import SqliteStore

ACCOUNT = BudgetAccount("gold/order", "analytics")


def main() -> None:
    """Spend, and say so after each grant."""
    folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ledger = Ledger(SqliteStore(folder / "ledger.sqlite", folder / "anchor"))
    for turn in range(count):
        started = time.perf_counter()
        try:
            grant = ledger.ask(ACCOUNT, f"{name}-{turn}", Cost(1), datetime.now(UTC))
        except BudgetRefused:
            print("refused", flush=True)
            return
        assert isinstance(grant, Grant)
        # One write, so that a line is whole or absent.
        sys.stdout.write(f"{grant.debit.number} {time.perf_counter() - started:.6f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
