"""Spends from a budget until it is used up, as one process: `python -m bench.dp.spender FOLDER NAME COUNT`.

Prints one line per grant, after the grant. The bench kills it at any moment.
"""

import sys
import time
from pathlib import Path

from privacy.clock import utc_now
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost
from privacy.dp.errors import BudgetRefused
from privacy.dp.ledger import Ledger
from privacy.dp.ledger_answer import Grant
from privacy.dp.sqlite_store import SqliteStore

ACCOUNT = BudgetAccount("gold/order", "analytics")


def main() -> None:
    """Spend COUNT times, and print a line after each grant."""
    folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ledger = Ledger(SqliteStore(folder / "ledger.sqlite", folder / "anchor"))
    for turn in range(count):
        started = time.perf_counter()
        try:
            grant = ledger.ask(ACCOUNT, f"{name}-{turn}", Cost(1), utc_now())
        except BudgetRefused:
            print("refused", flush=True)
            return
        assert isinstance(grant, Grant)
        # A single write, so that a line is complete or absent.
        sys.stdout.write(f"{grant.debit.number} {time.perf_counter() - started:.6f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
