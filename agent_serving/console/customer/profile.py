"""The profile: each value with the source that stated it, when, and by which rule it was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent_serving.console.customer.reading import CustomerReading, OwnRows
from agent_serving.console.part import NO_CONSENT, Fact, Facts, Note, Part, shown, withheld
from installation.contract.document import Contract
from privacy.rights.wording import Wording

REGISTER, WIDE, ATTRIBUTES = "silver/customer", "gold/customer_360", "silver/customer_attribute"
_STATED = {
    "birth_year": "birth_date", "age_band": "birth_date", "sido": "place_0", "sigungu": "place_1", "dong": "place_2",
}  # fmt: skip
"""Columns that are read from an attribute with another name."""
_RULES = {
    "most_recent": Wording("the newest statement", "가장 최근에 진술된 값"),
    "most_frequent": Wording("what most entries state", "가장 많은 기록이 진술한 값"),
}
_COMPUTED = Wording("computed", "산출")
_GLANCE = (
    "sales_value", "order_count", "mean_basket_value", "last_order_on", "last_touchpoint_at", "member_status",
    "joined_on", "top_category_1",
)  # fmt: skip
_OTHER = Wording("Channels and journeys", "채널과 여정")


def profile(reading: CustomerReading) -> list[Part]:
    """Return the customer's values, as groups of facts. What is withheld is a fact too, with the reason."""
    stated = {row["attribute"]: row for row in reading.own(ATTRIBUTES).rows}
    register, wide = reading.own(REGISTER), reading.own(WIDE)
    parts: list[Part] = [] if reading.is_permitted else [consent_note(reading)]
    if wide.rows:
        facts = tuple(_fact(reading, wide, column, wide.contract, stated) for column in _GLANCE)
        parts.append(Facts(Wording("At a glance", "한눈에 보기"), facts, is_glance=True))
    parts += _part(reading, reading.names.table(register.contract), register, register.contract, stated)
    groups: dict[str, list[str]] = {}
    homes = _homes(reading)
    for column in wide.contract.columns:
        groups.setdefault(homes.get(column.name, WIDE), []).append(column.name)
    for home, columns in groups.items():
        source = reading.installation.contracts.table(home)
        title = reading.names.table(source) if home != WIDE else _OTHER
        parts += _part(reading, title, wide, source, stated, columns)
        if wide.refused is not None:
            break
    return parts


def consent_note(reading: CustomerReading) -> Note:
    """Return the sentence that the customer does not permit the purpose."""
    purpose = reading.names.purpose(reading.purpose)
    return Note(
        Wording(
            f"This customer does not permit the purpose of your session ({purpose.en}). "
            "Values that rest on it are withheld.",
            f"이 고객은 현재 이용 목적({purpose.ko})을 허용하지 않습니다. 이 목적에 따른 값은 표시되지 않습니다.",
        ),
        "warn",
    )  # fmt: skip


def _part(
    reading: CustomerReading, title: Wording, own: OwnRows, source: Contract, stated: dict[str, Any],
    columns: list[str] | None = None,
) -> Iterator[Part]:  # fmt: skip
    """Yield one group of values, or why it is empty."""
    if own.refused is not None:
        yield Note(own.refused)
        return
    if reading.is_permitted and not own.rows:
        yield Note(Wording(f"{title.en}: there is no row of this customer.", f"{title.ko}: 이 고객의 행이 없습니다."))
        return
    hidden = {own.contract.subject_key, "as_of"}
    names = [name for name in columns or [column.name for column in own.contract.columns] if name not in hidden]
    facts = tuple(_fact(reading, own, name, source, stated) for name in names)
    if facts:
        yield Facts(title, facts)


def _fact(reading: CustomerReading, own: OwnRows, column: str, source: Contract, stated: dict[str, Any]) -> Fact:
    place, name = f"{own.contract.table}.{column}", reading.name(own.contract, column)
    if (reason := own.withheld.get(column)) is not None:
        return Fact(place, name, withheld(reason))
    if not own.rows:
        return Fact(place, name, withheld(NO_CONSENT))
    value = shown(own.contract, column, own.first[column])
    if (statement := stated.get(_STATED.get(column, column))) is not None and value is not None:
        register = reading.installation.contracts.table(f"bronze/{statement['source']}")
        return Fact(
            place, name, value, reading.names.table(register), statement["updated_on"], _RULES[statement["rule"]]
        )  # fmt: skip
    on = own.first.get("as_of") or own.first.get("changed_at")
    return Fact(place, name, value, reading.names.table(source), on, _COMPUTED)


def _homes(reading: CustomerReading) -> dict[str, str]:
    """Return for columns of gold/customer_360 the profile table from which each is taken; the others are its own.

    Of several tables with such a column, it is the one that the column's description names, or else the first.
    """
    contracts = reading.installation.contracts
    having: dict[str, list[str]] = {}
    for one in contracts.values():
        if one.layer == "gold" and one.subject_key == "customer_id" and one.name.startswith("customer_"):
            for column in one.columns:
                having.setdefault(column.name, []).append(one.table)
    found = {}
    for column in contracts.table(WIDE).columns:
        tables = [table for table in having[column.name] if table != WIDE]
        if tables and column.name not in _SHARED:
            found[column.name] = next((table for table in tables if table in column.description), tables[0])
    return found


_SHARED = frozenset({"customer_id", "as_of", "touchpoint_count", "channel_count"})
"""Columns that several tables have under one name."""
