"""A destination with an audience has the profiles of its members who permit the purpose, and of no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from features.retrieval.answer import Caller
from installation.alert_settings import WebhookSettings
from installation.destination_settings import DestinationSettings
from pipelines.destination.channel import Reply
from pipelines.destination.delivery import Delivery
from pipelines.destination.errors import DestinationError
from pipelines.destination.event import ChangeEvent, EventType
from tests.features.insight.audience.audience_shop import AudienceShop
from tests.features.retrieval.feature_shop import NOON

NAMES = [f"c_{number:02d}" for number in range(40)]
RULE = "name: regulars\npurpose: personalisation\nrule: {feature: trade:order_count, at_least: 20}\n"


class Receiver:
    """A destination in this process; it has the customers of the events that it took."""

    def __init__(self) -> None:
        self.customers: set[str] = set()

    def send(self, events: Sequence[ChangeEvent]) -> Iterator[Reply]:
        for event in events:
            change = self.customers.add if event.type is EventType.CHANGED else self.customers.discard
            change(event.customer_id)
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
    receiver = Receiver()
    webhook = WebhookSettings(url="https://crm.example/bojagi", secret_file=tmp_path / "crm")
    settings = DestinationSettings(
        table="gold/trade", columns=("order_count",), purpose="personalisation", role="agent", audience="regulars",
        webhook=webhook,
    )  # fmt: skip
    order(shop, 0)
    delivery = Delivery(shop.installation, "crm", settings, receiver)
    with pytest.raises(DestinationError, match="regulars"):
        delivery.send()
    shop.audiences.create(RULE, Caller("crm", "agent"))
    shop.state("c_39", "withdrawn", at=NOON)
    delivery.send()
    assert receiver.customers == set(NAMES[20:39])
    order(shop, -10)  # ten customers leave, which is more than may be gone from a table
    # Nine members are left, fewer than an audience may have.
    delivery.send()
    assert receiver.customers == set()
    order(shop, 10)
    delivery.send()
    assert receiver.customers == set(NAMES[10:39])
