"""What a role may see of a customer, judged from the texts of the contracts, of role.yaml and of the consent record.

It uses nothing of `privacy/access`: only the plain evaluation of consent in `tests/privacy/consent/oracle.py` and the
rows as they are stored. `broken` leaves one rule out, for negative controls.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import yaml

from installation.installation import Installation
from tests.privacy.consent.oracle import Oracle

ROOT = Path(__file__).parents[3]
SENSITIVE = {
    "pd:MedicalHealth", "pd:Health", "pd:PhysicalHealth", "pd:MentalHealth", "pd:HealthHistory", "pd:HealthRecord",
    "pd:Disability", "pd:Prescription", "pd:Genetic", "pd:Biometric", "pd:FacialPrint", "pd:Fingerprint", "pd:Religion",
    "pd:ReligiousBelief", "pd:PhilosophicalBelief", "pd:PoliticalOpinion", "pd:PoliticalAffiliation",
    "pd:TradeUnionMembership", "pd:EthnicOrigin", "pd:Race", "pd:Sexual", "pd:SexualPreference", "pd:Criminal",
}  # fmt: skip
"""PIPA art. 23 and decree art. 18: only for purposes with a consent of their own."""
RESIDENT_NUMBER = "pd:OfficialID"
"""PIPA art. 24-2: for no purpose of a shop."""
SUBJECT = "customer_id"


@dataclass
class PageOracle:
    """Judges the values of tables whose subject key is the customer's id."""

    installation: Installation
    broken: str = ""
    _rows: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    @cached_property
    def roles(self) -> dict[str, dict[str, Any]]:
        """The roles, as role.yaml states them."""
        text = (ROOT / "privacy/access/role.yaml").read_text()
        return dict(yaml.safe_load(text)["roles"])

    @cached_property
    def consent(self) -> Oracle:
        """The evaluation of the consent record."""
        with closing(self.installation.open_consent_store()) as store:
            records, membership = store.record_table().to_pylist(), store.membership_table().to_pylist()
        return Oracle(records, membership, self.installation.settings.controller)

    def may_see(self, role_name: str, purpose: str, table: str, column: str) -> bool:
        """Return whether a role may see a column of a table for a purpose, of a customer who permits the purpose."""
        role, schema = self.roles[role_name], contract(table)
        if purpose not in role["purposes"] or not any(_fits(table, one) for one in role["tables"]):
            return False
        own = next(one for one in schema["properties"] if one["name"] == column)
        about, of_table = _properties(own), _properties(schema)
        category = about.get("dataCategory", "")
        purposes = about.get("purpose", of_table["purpose"])
        return (
            (("research" if purpose == "pseudonymised_research" else purpose) in purposes or self.broken == "purpose")
            and about.get("identifierRole", "none") in role["identifiers"]
            and (category not in role.get("without", ()) or self.broken == "category")
            and category != RESIDENT_NUMBER
            and (category not in SENSITIVE or purpose == "sensitive_research")
            and (category != "dpv:PseudonymisedData" or column == SUBJECT or role["subjects"] != "pseudonymised")
        )  # fmt: skip

    def permits(self, customer: str, purpose: str, at: datetime) -> bool:
        """Return whether the customer permits the purpose at a moment."""
        return self.broken == "consent" or self.consent.permitted(customer, purpose, at)

    def stored(self, table: str, customer: str) -> list[dict[str, Any]]:
        """Return the customer's rows of a table."""
        if table not in self._rows:
            found: dict[str, list[dict[str, Any]]] = {}
            for row in self.installation.lakehouse.rows(table).filter(pc.field(SUBJECT).is_valid()).to_pylist():
                found.setdefault(row[SUBJECT], []).append(row)
            self._rows[table] = found
        return self._rows[table].get(customer, [])

    def shown(self, role: str, value: Any) -> Any:
        """Return a stored value as the role sees it."""
        if self.roles[role].get("values") != "coarsened" or self.broken == "coarse":
            return value
        if isinstance(value, datetime):
            return value.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        if isinstance(value, date):
            return value.replace(day=1)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return type(value)(Context(prec=2, rounding=ROUND_HALF_UP).create_decimal(repr_of(value)))
        return value


@cache
def contract(table: str) -> dict[str, Any]:
    """Return the schema of a table's contract."""
    path = ROOT / f"installation/contract/table/{table.replace('/', '_')}.odcs.yaml"
    return dict(yaml.load(path.read_text(), yaml.CSafeLoader)["schema"][0])


def repr_of(value: float | Decimal) -> str:
    """Return a number as text, with all its digits."""
    return str(value) if isinstance(value, Decimal) else repr(value)


def _fits(table: str, pattern: str) -> bool:
    layer, name = pattern.split("/")
    return layer in ("*", table.split("/")[0]) and name in ("*", table.split("/")[1])


def _properties(of: dict[str, Any]) -> dict[str, Any]:
    return {one["property"]: one["value"] for one in of.get("customProperties", ())}
