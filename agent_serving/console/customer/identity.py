"""Which records are this customer and why, and what a steward may do about it.

The decisions themselves are made by `pipelines.steward`, which the program that serves the console hands in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from agent_serving.console.cell import Share
from agent_serving.console.customer.part import NO_CONSENT, Grid, Note, Part
from agent_serving.console.customer.reading import CustomerReading
from installation.contract.plain_name import readable
from privacy.rights.wording import Wording

IDENTIFIERS, EVENTS, DECISIONS = "silver/identifier", "silver/identity_event", "silver/identity_decision"
_METHODS = {
    "link": Wording("number of the register entry", "회원 기록의 번호"),
    "principal": Wording("principal member of the account", "계정의 주 회원"),
    "sole_user": Wording("only user of the account", "계정의 유일한 이용자"),
    "match": Wording("entry that matches another one", "다른 기록과 일치하는 기록"),
    "steward": Wording("decision of a steward", "담당자 결정"),
}
_EVENTS = {"merge": Wording("merged into this customer", "이 고객으로 병합"), "split": Wording("divided", "분리"),
           "move": Wording("moved", "이동")}  # fmt: skip
_NONE = Wording("Nothing is recorded.", "기록이 없습니다.")


class Steward(Protocol):
    """Records decisions of a steward, which the next run applies. Both methods raise `DecisionRefused`."""

    def decide(self, verdict: Literal["same", "different"], first: str, second: str, reason: str) -> Any:
        """Record that two customers or records are one person, or two people."""

    def revert(self, event_id: str, reason: str) -> Any:
        """Record the decisions that undo a merge, a split or a move."""


StewardOf = Callable[[str], Steward]
"""Returns the service for a member of staff."""


def identity(reading: CustomerReading) -> list[Part]:
    """Return the matching keys, events and decisions of the customer. The keys' values are not shown."""
    if not reading.is_permitted:
        return [Note(Wording(f"Withheld: {NO_CONSENT.en}.", f"비공개: {NO_CONSENT.ko}."), "warn")]
    own = reading.own(IDENTIFIERS, order="confidence")
    if own.refused is not None:
        return [Note(own.refused)]
    keys = [
        [readable(row["token_kind"]), _METHODS.get(row["method"], readable(row["method"])), Share(row["confidence"]),
         row["record_count"], row["changed_at"], row["last_seen_at"]]
        for row in own.rows
    ]  # fmt: skip
    return [
        Grid(
            Wording("Records that are this customer", "이 고객으로 연결된 기록"),
            (Wording("Key", "식별 키"), Wording("Why", "근거"), Wording("Confidence", "신뢰도"),
             Wording("Records", "기록 수"), Wording("Assigned", "연결 시각"), Wording("Last seen", "최근 확인")),
            keys,
            _NONE,
        ),
        Grid(
            Wording("Merges, splits and moves", "병합·분리·이동"),
            (Wording("When", "일시"), Wording("What", "내용"), Wording("From", "이전"), Wording("To", "이후"),
             Wording("Cause", "원인"), Wording("Evidence", "증거"), Wording("Event", "번호")),
            [_event(row) for row in events(reading)],
            _NONE,
        ),
        Grid(
            Wording("Decisions of stewards", "담당자 결정"),
            (Wording("When", "일시"), Wording("Verdict", "결정"), Wording("Reason", "이유"), Wording("By", "담당자")),
            [[row["decided_at"], readable(row["verdict"]), row["reason"], row["decided_by"]]
             for row in _rows(reading, DECISIONS, ("left_customer_id", "right_customer_id"))],
            _NONE,
        ),
    ]  # fmt: skip


def events(reading: CustomerReading) -> list[dict[str, Any]]:
    """Return the events of the customer, the newest first."""
    rows = _rows(reading, EVENTS, ("from_customer_id", "to_customer_id"))
    return sorted(rows, key=lambda row: row["occurred_at"], reverse=True)


def _event(row: dict[str, Any]) -> list[Any]:
    return [
        row["occurred_at"], _EVENTS.get(row["event_type"], readable(row["event_type"])), row["from_customer_id"],
        row["to_customer_id"], readable(row["reason"]), row["evidence_kinds"], row["event_id"],
    ]  # fmt: skip


def _rows(reading: CustomerReading, table: str, columns: tuple[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a table with two customers that name this one. They hold ids, reasons and times only."""
    lakehouse, customer = reading.installation.lakehouse, reading.subject.customer_id
    if not lakehouse.exists(table):
        return []
    # An opaque identifier, so it cannot break out of the SQL text.
    where = " OR ".join(f"{column} = '{customer}'" for column in columns)
    return list(lakehouse.select(table, "*", where).to_pylist())
