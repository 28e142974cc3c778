"""Measures whether a copy of personal data contains another person's data, in homes that share telephone or address.

`python -m bench.rights.copies DATA`, where DATA is a data folder with a finished run on a simulated market. The copies
of all customers are judged whose home has several registered members. In the negative control each copy is judged as
if another member of the home had asked, and must be found. The figure of a rule that takes telephones and devices for
proof is stated beside it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bench.claim import Claim
from bench.options import make_parser
from bench.rights.disclosure import Judgement, Truth, judge
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.rights import own_row
from installation.rights.person_table import PersonTables
from installation.settings import load_settings
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.rights.subject import Subject

_WHO = "bench"


class TablesInMemory(Lakehouse):
    """The same tables, each read once: a copy reads fifty tables, and thousands of copies are judged."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._database = duckdb.connect()
        self._known: dict[str, bool] = {}
        self._loaded: set[str] = set()

    def exists(self, table: str) -> bool:
        """Return whether the table exists, as it was at the first question."""
        if table not in self._known:
            self._known[table] = super().exists(table)
        return self._known[table]

    def select(self, table: str, expressions: str = "*", where: str | None = None) -> pa.Table:
        """Return rows of a table as it was at the first read."""
        name = table.replace("/", "_")
        if name not in self._loaded:
            self._database.register("fresh", super().select(table))
            self._database.execute(f'CREATE TABLE "{name}" AS SELECT * FROM fresh')
            self._loaded.add(name)
        condition = "" if where is None else f" WHERE {where}"
        return self._database.sql(f'SELECT {expressions} FROM "{name}"{condition}').to_arrow_table()


def main() -> None:
    """Judge the copies, then repeat it with the rule broken."""
    parser = make_parser(__doc__)
    parser.add_argument("data", type=Path, help="data folder with a finished run on a simulated market")
    parser.add_argument("--customers", type=int, default=None, help="judge only the first of them")
    options = parser.parse_args()
    with Installation(load_settings(data_dir=options.data)) as installation:
        tables: Any = TablesInMemory(installation.lakehouse.root)
        installation.__dict__["lakehouse"] = tables
        truth = Truth.read(installation.settings.truth_dir)
        people = dict(customers_of_shared_homes(installation, truth))
        most = options.customers or (50 if options.quick else len(people))
        chosen = dict(list(people.items())[:most])
        print(f"{len(people):,} customers of shared homes, {len(chosen):,} judged")
        started = time.monotonic()
        strict = judged(installation, truth, chosen)
        print(_described("strict rule", strict), f"{time.monotonic() - started:.0f} s")
        swapped = judged(installation, truth, {one: another_member(truth, person) for one, person in chosen.items()})
        print(_described("negative control: as if another member had asked", swapped))
        own_row.STRONG, own_row.WEAK = (*own_row.STRONG, *own_row.WEAK), ()
        print(_described("telephones and devices count as proof", judged(installation, truth, chosen)))
    claim = Claim("records or values of another person in copies", len(strict.findings), "findings", bar=0)
    claim.print_json()
    found = {person for _, _, person in swapped.findings}
    if not claim.holds or len(found) < len({another_member(truth, person) for person in chosen.values()}):
        raise SystemExit("A copy has another person's data." if not claim.holds else "The negative control was missed.")


def customers_of_shared_homes(installation: Installation, truth: Truth) -> Iterator[tuple[str, str]]:
    """Yield each customer whose home has several registered members, with the true person of its registrations."""
    contract = installation.contracts.source("crm_customer")
    reveal = installation.revealer(_WHO, SUBJECT_RIGHTS)
    register = reveal(contract, installation.lakehouse.rows(contract.table))
    person_of = {
        token: truth.person_of[contract.name, number]
        for number, token in zip(
            register["member_no"].to_pylist(), register["member_no_token"].to_pylist(), strict=True
        )
        if (contract.name, number) in truth.person_of
    }
    members = Counter(truth.home_of[person] for person in set(person_of.values()))
    for row in installation.lakehouse.rows("silver/identifier").to_pylist():
        person = person_of.get(row["token"]) if row["token_kind"] == "member_no" else None
        if person is not None and members[truth.home_of[person]] > 1:
            yield row["customer_id"], person


def another_member(truth: Truth, person: str) -> str:
    """Return the person who comes next in the same home."""
    home = truth.people_of[truth.home_of[person]]
    return home[(home.index(person) + 1) % len(home)]


def judged(installation: Installation, truth: Truth, people: dict[str, str]) -> Judgement:
    """Return the judgement of the copies of these customers."""
    judgement, tables = Judgement(), PersonTables(installation, _WHO)
    for customer, person in people.items():
        judge(truth, person, list(tables.export(Subject("s_bench", (customer,)))), judgement)
    return judgement


def _described(what: str, found: Judgement) -> str:
    kinds = dict(Counter((table, kind) for table, kind, _ in found.findings))
    return (
        f"{what}: {found.answers:,} copies, {found.rows:,} rows, {found.withheld_rows:,} unclear rows left out, "
        f"{found.unknown} rows without truth, {len(found.findings)} findings {kinds or ''}"
    )


if __name__ == "__main__":
    main()
