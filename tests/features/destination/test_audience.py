"""A destination with an audience has the profiles of its members who permit the purpose, and of no others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.destination.channel import Reply
from features.destination.delivery import Delivery
from features.destination.errors import DestinationError
from features.destination.event import ChangeEvent, EventType
from features.insight.audience.errors import NearIdenticalError
from features.insight.audience.service import Audiences
from features.retrieval.answer import Caller
from installation.alert_settings import WebhookSettings
from installation.destination_settings import DestinationSettings
from tests.features.insight.audience.audience_shop import AudienceShop
from tests.features.retrieval.feature_shop import NOON

NAMES = [f"c_{number:03d}" for number in range(120)]
"""So many that the members and the others are more than the largest bound that may be drawn for a rule."""
RULE = "name: regulars\npurpose: personalisation\nrule: {feature: trade:order_count, at_least: 60}\n"


class Receiver:
    """A destination in this process; it has the customers of the events that it took."""

    def __init__(self, settings: DestinationSettings) -> None:
        self.settings = settings
        self.customers: set[str] = set()
        self.bodies: list[dict[str, Any]] = []

    def send(self, events: Sequence[ChangeEvent]) -> Iterator[Reply]:
        for event in events:
            is_there = event.type in (EventType.CHANGED, EventType.ENTERED)
            (self.customers.add if is_there else self.customers.discard)(event.customer_id)
            self.bodies.append(json.loads(event.body(self.settings, datetime.now(UTC))))
            yield Reply.TAKEN


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[AudienceShop]:
    with closing(AudienceShop(tmp_path)) as made:
        made.open_with(NAMES)
        made.permit(NAMES, "personalisation")
        yield made


def order(shop: AudienceShop, shift: int) -> None:
    """Let customer number n have n + shift orders."""
    shop.write_views([{"customer": name, "order_count": n + shift} for n, name in enumerate(NAMES)])


def test_members_are_sent_and_those_who_leave_are_removed(shop: AudienceShop, tmp_path: Path) -> None:
    webhook = WebhookSettings(url="https://crm.example/bojagi", secret_file=tmp_path / "crm")
    settings = DestinationSettings(
        table="gold/trade", columns=("order_count",), purpose="personalisation", role="agent", audience="regulars",
        webhook=webhook,
    )  # fmt: skip
    receiver = Receiver(settings)
    order(shop, 0)
    delivery = Delivery(shop.installation, "crm", settings, receiver)
    with pytest.raises(DestinationError, match="regulars"):
        delivery.send()
    shop.audiences.create(RULE, Caller("crm", "agent"))
    shop.state("c_119", "withdrawn", at=NOON)
    delivery.send()
    assert receiver.customers == set(NAMES[60:119])
    order(shop, -52)  # 52 customers leave, which is more than may be gone from a table
    # Seven members are left, fewer than an audience may have.
    delivery.send()
    assert receiver.customers == set()
    order(shop, 10)
    delivery.send()
    assert receiver.customers == set(NAMES[50:119])


def test_a_refused_audience_lets_nobody_enter_and_everybody_leave(
    shop: AudienceShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = WebhookSettings(url="https://crm.example/bojagi", secret_file=tmp_path / "crm")
    settings = DestinationSettings(purpose="personalisation", role="agent", audience="regulars", webhook=webhook)
    receiver = Receiver(settings)
    order(shop, 0)
    shop.audiences.create(RULE, Caller("crm", "agent"))
    Delivery(shop.installation, "crm", settings, receiver).send()

    def refuse(*_: object) -> None:
        raise NearIdenticalError

    monkeypatch.setattr(Audiences, "members", refuse)
    order(shop, 10)
    shop.state("c_119", "withdrawn", at=NOON)
    report = Delivery(shop.installation, "crm", settings, receiver).send()
    assert "too few customers" in report.fault
    assert receiver.customers == set(NAMES[60:119])


def test_without_a_table_a_destination_learns_who_enters_and_leaves(shop: AudienceShop, tmp_path: Path) -> None:
    webhook = WebhookSettings(url="https://crm.example/bojagi", secret_file=tmp_path / "crm")
    settings = DestinationSettings(purpose="marketing", role="agent", audience="regulars", webhook=webhook)
    order(shop, 0)
    shop.audiences.create(RULE, Caller("crm", "agent"))
    with pytest.raises(DestinationError, match="serves personalisation"):
        Delivery(shop.installation, "crm", settings, Receiver(settings)).send()
    settings = settings.model_copy(update={"purpose": "personalisation"})
    receiver = Receiver(settings)
    delivery = Delivery(shop.installation, "crm", settings, receiver)
    delivery.send()
    assert receiver.customers == set(NAMES[60:])
    assert receiver.bodies[0]["type"] == "audience.entered"
    assert receiver.bodies[0]["data"] == {
        "customer_id": "c_060", "audience": "regulars", "purpose": "personalisation",
    }  # fmt: skip
    for shift, members in ((5, NAMES[55:]), (0, NAMES[60:]), (5, NAMES[55:])):
        order(shop, shift)
        delivery.send()
        assert receiver.customers == set(members)
        shop.moment += timedelta(minutes=1)
    assert {body["type"] for body in receiver.bodies[65:70]} == {"audience.left"}
    assert len({body["id"] for body in receiver.bodies}) == len(receiver.bodies) == 60 + 5 + 5 + 5
