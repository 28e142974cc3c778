"""Measures the console's pages of one customer among 100,000: `python -m bench console`.

A market of 150 households is simulated and run, then multiplied. Staff of each role open each page of customers drawn
at random, over HTTP, and the p95 of the slowest role counts: a role that may read little is fast. The peer is the same
read of `gold/customer_360` by the same reader without the part of the customer, so that the whole table is read.
Then the memory over 10,000 views is measured.
`--data FOLDER` takes a market that was made before. `--by-customer` writes the rows in the order of their customers.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from agent_serving.console.page_table import PAGES, ROLES, STEWARD
from bench.claim import Claim
from bench.console import memory
from bench.console.market import copied, drawn, multiply, seen, simulate
from bench.options import make_parser, runs_of
from installation.installation import Installation
from installation.settings import load_settings
from privacy.access.table_part import TablePart
from tests.agent_serving.console.console_shop import PURPOSES, StaffBrowser, add_accounts, console_of, staff

CUSTOMERS, VIEWS, READS = 100_000, 100, 20
BAR_MS = 300.0
WIDE = "gold/customer_360"


def main() -> int:
    """Print the claims."""
    parser = make_parser(__doc__, "python -m bench.console")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--customers", type=int)
    parser.add_argument("--by-customer", action="store_true")
    chosen = parser.parse_args()
    wanted = chosen.customers or (2_000 if chosen.quick else CUSTOMERS)
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        small, large = chosen.data or simulate(Path(spare) / "small"), Path(spare) / "large"
        with Installation(load_settings(data_dir=small)) as plain:
            known = plain.lakehouse.rows("silver/customer", ["customer_id"]).num_rows
        customers = multiply(small, large, -(-wanted // known), by_customer=chosen.by_customer)
        with Installation(load_settings(data_dir=large)) as installation:
            add_accounts(installation)
            measure(installation, customers, runs_of(chosen, VIEWS, 10), READS if not chosen.quick else 3)
        with Installation(load_settings(data_dir=copied(small, Path(spare) / "viewed"))) as installation:
            add_accounts(installation)
            memory.measure(installation, memory.VIEWS if not chosen.quick else 500)
    return 0


def measure(installation: Installation, customers: list[str], views: int, reads: int) -> None:
    """Print the p95 of each page, and of the read of a part beside that of the whole table."""
    some, told = drawn(customers, views), f"{len(customers):,} customers"
    with console_of(installation) as url:
        browsers = {role: staff(installation, url, role) for role in ROLES}
        for key, page in PAGES.items():
            if not (page.is_of_person or key == "customer"):
                continue
            path = page.path if page.is_of_person else "/customer/{customer}"
            spent = {role: view(browsers[role], path, seen(installation, role, some)) for role in sorted(page.roles)}
            p95 = {role: quantile_ms(found) for role, found in spent.items()}
            told_p50 = {role: round(float(np.median(found)) * 1000) for role, found in spent.items()}
            told_p95 = {role: round(found) for role, found in p95.items()}
            print(key, "p50", told_p50, "p95", told_p95, "ms", file=sys.stderr, flush=True)
            slowest = max(p95, key=lambda role: p95[role])
            spread = (min(spent[slowest]) * 1000, max(spent[slowest]) * 1000)
            Claim(f"{told}, {key}: p95", p95[slowest], "ms", bar=BAR_MS, runs=views, spread=spread).print_json()
    reader = installation.table_reader("bench")

    def part(one: str) -> int:
        return int(reader.read(WIDE, STEWARD, PURPOSES[STEWARD], part=TablePart(one)).frame.num_rows)

    def whole(one: str) -> int:
        return int(reader.read(WIDE, STEWARD, PURPOSES[STEWARD], customer=one).frame.num_rows)

    assert [part(one) for one in some[:reads]] == [whole(one) for one in some[:reads]]
    ours, other = timed(part, some[:reads]), timed(whole, some[:reads])
    Claim(
        f"{told}, one row of {WIDE}: p95", quantile_ms(ours), "ms", quantile_ms(other), "the whole table read",
        bar=1, runs=reads, on_ratio=True,
    ).print_json()  # fmt: skip


def view(browser: StaffBrowser, path: str, customers: list[str]) -> list[float]:
    """Return the seconds of a page of each customer; the first customer's page is opened once before."""

    def opened(customer: str) -> int:
        answer = browser.get(path.replace("{customer}", customer))
        assert answer.status_code == 200, (path, answer.status_code)
        return len(answer.content)

    opened(customers[0])
    return timed(opened, customers)


def timed(call: Callable[[str], int], customers: list[str]) -> list[float]:
    """Return the seconds of a call for each customer."""
    spent = []
    for customer in customers:
        begun = time.perf_counter()
        call(customer)
        spent.append(time.perf_counter() - begun)
    return spent


def quantile_ms(seconds: list[float]) -> float:
    """Return the p95 in milliseconds."""
    return float(np.quantile(np.array(seconds), 0.95)) * 1000


if __name__ == "__main__":
    sys.exit(main())
