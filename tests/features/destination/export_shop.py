"""A shop whose customers have contacts in an encrypted register, and say what they permit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from features.destination.delivery import DeliveryReport
from features.destination.sending import send_changes
from features.retrieval.answer import Caller
from installation.destination_settings import DestinationSettings, FileFormat, FileSettings, Identifier
from tests.features.insight.audience.audience_shop import AudienceShop
from tests.features.retrieval.feature_shop import NOON
from tests.pipelines.rights.family import HEADER, land, load

NAMES = [f"c_{number:03d}" for number in range(120)]
LEAST = 60
RULE = f"name: regulars\npurpose: marketing\nrule: {{feature: trade:order_count, at_least: {LEAST}}}\n"
MARKETER = Caller("minji", "marketer", frozenset({"marketing"}), "authenticated")
TOOL = Caller("tool", "campaign_tool")
_SQL = """
    WITH newest AS (
        SELECT customer, purpose, arg_max(state, step) = 'given' AS permits FROM said GROUP BY customer, purpose
    ), permitting AS (
        SELECT customer FROM newest WHERE permits AND purpose IN ('marketing', $purpose)
        GROUP BY customer HAVING count(DISTINCT purpose) = $purposes
    ), contact AS (
        SELECT customer, 'email' AS kind, lower(trim(email)) AS value FROM person
        UNION ALL SELECT customer, 'phone', $plus || '82' || substr(replace(phone, '-', ''), 2) FROM person
    ), usable AS (
        SELECT * FROM contact WHERE value IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM contact other WHERE other.value = contact.value
            AND other.customer NOT IN (SELECT customer FROM permitting))
    ), member AS (
        SELECT customer_id FROM trade WHERE order_count >= $least AND customer_id IN (SELECT customer FROM permitting)
    )
"""


@dataclass(frozen=True)
class Person:
    """A row of the register."""

    customer: str
    email: str | None
    phone: str | None


@dataclass
class ExportShop:
    """The shop, and beside its stores what was written into them, for an independent query."""

    shop: AudienceShop
    folder: Path
    people: dict[str, Person] = field(default_factory=dict)
    said: list[tuple[str, str, str]] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> ExportShop:
        """Return a shop of 120 customers, of whom ten are in no register; numbers 10 and 90 share a phone."""
        shop = AudienceShop(folder / "data")
        shop.open_with(NAMES)
        made = cls(shop, folder / "out")
        for number, name in enumerate(NAMES[:110]):
            phone = "010-7777-0010" if number in (10, 90) else f"010-5555-{number:04d}"
            made.people[name] = Person(name, f" Person{number}@Mail.example ", phone)
        made.register(made.people.values())
        for purpose in ("marketing", "audience_sharing"):
            made.say(NAMES, purpose, "given")
        made.order({name: number for number, name in enumerate(NAMES)})
        shop.audiences.create(RULE, TOOL)
        return made

    def register(self, people: Iterable[Person]) -> None:
        """Load rows of the register, and write what silver has of them."""
        installation, tokens = self.shop.installation, self.shop.installation.protection.tokens
        rows = [
            f"M{int(one.customer[2:]):09d},김하늘,,1984-03-27,여,{one.phone or ''},{one.email or ''},,,,,,44,N,"
            f"2016-07-07,정상,2017-05-{len(self.said) % 28 + 1:02d} 08:46:59"
            for one in people
        ]
        land(installation, "crm_customer", f"crm_customer-{len(self.said)}.csv", "\n".join((HEADER, *rows)) + "\n")
        load(installation, "crm_customer")
        members = [("member_no", str(tokens.token("member_no", f"M{int(one[2:]):09d}")), one) for one in self.people]
        kinds = pa.table(dict(zip(("token_kind", "token", "customer_id"), map(list, zip(*members, strict=True)),
                                  strict=True)))  # fmt: skip
        installation.lakehouse.overwrite_rows("silver/identifier", kinds)
        chosen = [
            {"customer_id": one.customer, "attribute": kind, "token": tokens.token(kind, value)}
            for one in self.people.values() for kind, value in (("email", one.email), ("phone", one.phone)) if value
        ]  # fmt: skip
        installation.lakehouse.overwrite_rows("silver/customer_attribute", pa.Table.from_pylist(chosen))

    def say(self, customers: Iterable[str], purpose: str, state: str) -> None:
        """Record what customers say, a second after what was said before."""
        for one in customers:
            self.shop.state(one, state, purpose, NOON - timedelta(days=9) + timedelta(seconds=len(self.said)))
            self.said.append((one, purpose, state))

    def order(self, orders: dict[str, int]) -> None:
        """Write the number of orders of each customer."""
        self.orders = orders
        self.shop.write_views([{"customer": name, "order_count": count} for name, count in orders.items()])

    def export(
        self, name: str = "ads", identifiers: Identifier = Identifier.GOOGLE, purpose: str = "audience_sharing",
        form: FileFormat = FileFormat.CSV, by: Caller | None = None,
    ) -> DeliveryReport:  # fmt: skip
        """Export the audience as the settings of a destination say."""
        self.shop.moment += timedelta(minutes=1)
        file = FileSettings(folder=self.folder, format=form, identifiers=identifiers)
        settings = DestinationSettings(purpose=purpose, role="campaign_tool", audience="regulars", file=file)
        installation = self.shop.installation
        changed = installation.settings.model_copy(update={"destinations": {name: settings}})
        object.__setattr__(installation, "settings", changed)
        return send_changes(installation, name, by=by)

    def expected(self, *, plus: str = "+", with_consent: bool = True) -> set[tuple[str, str]]:
        """Return the rows of a hashed list by a query over what was written into the shop."""
        sql = f"""{_SQL} SELECT DISTINCT coalesce(sha256(max(value) FILTER (WHERE kind = 'email')), ''),
            coalesce(sha256(max(value) FILTER (WHERE kind = 'phone')), '') FROM member JOIN usable
            ON member.customer_id = usable.customer GROUP BY customer_id"""
        return {(email, phone) for email, phone in self._rows(sql, plus, "audience_sharing", with_consent=with_consent)}

    def expected_ids(self) -> set[str]:
        """Return the customer ids of a list for marketing."""
        return {one for (one,) in self._rows(f"{_SQL} SELECT customer_id FROM member", "+", "marketing")}

    def _rows(self, sql: str, plus: str, purpose: str, *, with_consent: bool = True) -> list[tuple[str, ...]]:
        said = self.said if with_consent else [(one, use, "given") for one, use, _ in self.said]
        people = self.people.values()
        with duckdb.connect() as engine:
            engine.register("said", pa.table({"customer": [one for one, _, _ in said], "step": list(range(len(said))),
                                              "purpose": [use for _, use, _ in said],
                                              "state": [state for _, _, state in said]}))  # fmt: skip
            engine.register("person", pa.table({"customer": [one.customer for one in people],
                                                "email": [one.email for one in people],
                                                "phone": [one.phone for one in people]}))  # fmt: skip
            engine.register("trade", pa.table({"customer_id": list(self.orders),
                                               "order_count": list(self.orders.values())}))  # fmt: skip
            values = {"purpose": purpose, "purposes": len({purpose, "marketing"}), "least": LEAST, "plus": plus}
            used = {name: value for name, value in values.items() if f"${name}" in sql}
            return engine.execute(sql, used).fetchall()

    def members(self, name: str = "ads") -> set[tuple[str, ...]]:
        """Return the rows of the list of members."""
        return rows_of(self.folder / f"{name}_members.csv")

    def left(self, name: str = "ads") -> list[set[tuple[str, ...]]]:
        """Return the rows of each unsubscribe list, the oldest first."""
        return [rows_of(path) for path in sorted(self.folder.glob(f"{name}_unsubscribe_*.csv"))]


def rows_of(path: Path) -> set[tuple[str, ...]]:
    """Return the rows of a list without its heads."""
    return {tuple(line.split(",")) for line in path.read_text("utf-8").splitlines()[1:]}


def cells(rows: Iterable[tuple[str, ...]]) -> set[str]:
    """Return the identifiers of rows."""
    return {cell for row in rows for cell in row if cell}


def at(days: int) -> datetime:
    """Return a moment some days after the shop's now."""
    return NOON + timedelta(days=days)
