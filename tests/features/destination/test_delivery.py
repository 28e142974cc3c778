"""Changes of profiles reach a real HTTP endpoint, signed, at least once, and of customers who permit the purpose."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import http.server
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pydantic import ValidationError

from features.destination import delivery
from features.destination.delivery import Delivery, DeliveryReport, retry_dead
from features.destination.errors import DestinationError
from features.destination.opening import open_channel
from features.destination.sent_profile import SentProfiles, Status
from features.destination.webhook import Webhook
from features.retrieval.customer_consent import CustomerConsent
from installation.alert_settings import WebhookSettings
from installation.destination_settings import DestinationSettings
from privacy.access.errors import AccessRefused
from tests.features.retrieval.feature_shop import NOON, PURPOSE, FeatureShop

SECRET = b"a secret of 24 bytes or more"


@dataclass
class Receiver:
    """A program that gets events. `answer` decides the status of each; events with a wrong signature get 401."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], int] = lambda _: 204

    def known(self) -> dict[str, Any]:
        """The profiles that it has, when it leaves out repeats and applies the rest in order."""
        seen, profiles = set(), dict[str, Any]()
        for event in self.events:
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            data = event["data"]
            if event["type"] in ("profile.removed", "audience.left"):
                profiles.pop(data["customer_id"], None)
            else:
                profiles[data["customer_id"]] = data.get("values")
        return profiles


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
            digest = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
            event = json.loads(body)
            is_signed = (
                self.headers["webhook-signature"] == f"v1,{digest}" and self.headers["webhook-id"] == event["id"]
            )
            status = found.answer(event) if is_signed else 401
            if status < 300:
                found.events.append(event)
            self.send_response(status)
            if status == 429:
                self.send_header("retry-after", "7")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}/bojagi"
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Sender:
    """An installation with the table gold/trade, and its destination `crm`."""

    shop: FeatureShop
    settings: DestinationSettings
    secret: bytes = SECRET
    pauses: list[float] = field(default_factory=list)

    def write(self, orders: dict[str, int]) -> None:
        """Replace the table."""
        rows = [
            {"customer_id": one, "order_count": n, "basket": n / 2, "income": 1, "as_of": NOON}
            for one, n in orders.items()
        ]
        schema = pa.schema(
            [("customer_id", pa.string()), ("order_count", pa.int64()), ("basket", pa.float64()),
             ("income", pa.int64()), ("as_of", pa.timestamp("us"))]
        )  # fmt: skip
        self.shop.installation.lakehouse.overwrite_rows("gold/trade", pa.Table.from_pylist(rows, schema))

    def send(self, **options: bool) -> DeliveryReport:
        """Send the changes."""
        with httpx.Client() as client:
            channel = Webhook(self.settings, self.secret, self.shop.installation.clock, client, self.pauses.append)
            return Delivery(self.shop.installation, "crm", self.settings, channel).send(**options)

    def states(self) -> dict[str, Status]:
        """The status of each customer."""
        rows = SentProfiles(self.shop.installation.lakehouse, "crm").all()
        return {customer: row.status for customer, row in rows.items()}


@pytest.fixture
def sender(tmp_path: Path, receiver: Receiver) -> Iterator[Sender]:
    secret = tmp_path / "crm"
    secret.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    secret.chmod(0o600)
    webhook = WebhookSettings(url=receiver.url, secret_file=secret)
    settings = DestinationSettings(
        table="gold/trade", columns=("order_count", "basket"), purpose=PURPOSE, role="agent", webhook=webhook
    )
    made = Sender(FeatureShop(tmp_path / "data"), settings)
    for customer in ("a", "b", "c"):
        made.shop.state(f"c_{customer}", "given")
    yield made
    made.shop.close()


def test_changes_are_sent_once_and_removals_when_permission_ends(sender: Sender, receiver: Receiver) -> None:
    sender.write({"c_a": 1, "c_b": 2, "c_silent": 3})
    assert sender.send().changed == 2
    assert receiver.known() == {"c_a": {"order_count": 1, "basket": 0.5}, "c_b": {"order_count": 2, "basket": 1.0}}
    assert receiver.events[0]["type"] == "profile.changed"
    assert receiver.events[0]["data"]["purpose"] == PURPOSE
    assert sender.send() == DeliveryReport("crm", unchanged=2)
    sender.write({"c_a": 1, "c_b": 5, "c_silent": 3})
    assert (sender.send().changed, receiver.known()["c_b"]["order_count"]) == (1, 5)
    sender.shop.moment += datetime.timedelta(minutes=1)
    sender.shop.state("c_b", "withdrawn", at=NOON - datetime.timedelta(days=1))
    assert sender.send().removed == 1
    assert receiver.known() == {"c_a": {"order_count": 1, "basket": 0.5}}
    assert sender.states() == {"c_a": Status.SENT, "c_b": Status.REMOVED}
    assert sender.send().unchanged == 1
    sender.shop.state("c_b", "given", at=NOON - datetime.timedelta(hours=1))
    sender.send()
    assert receiver.known()["c_b"]["order_count"] == 5


def test_values_that_come_back_are_another_event(sender: Sender, receiver: Receiver) -> None:
    for number in (1, 2, 1, 2):
        sender.write({"c_a": number})
        sender.send()
        sender.shop.moment += datetime.timedelta(hours=1)
        assert receiver.known() == {"c_a": {"order_count": number, "basket": number / 2}}
    assert len({event["id"] for event in receiver.events}) == 4


def test_a_profile_that_comes_back_is_another_event(sender: Sender, receiver: Receiver) -> None:
    for _ in range(3):
        sender.write({"c_a": 1})
        sender.send()
        assert list(receiver.known()) == ["c_a"]
        sender.write({})
        sender.send(accepts_gone=True)
        assert receiver.known() == {}
        sender.shop.moment += datetime.timedelta(minutes=1)
    assert len({event["id"] for event in receiver.events}) == 6


def test_a_withdrawal_between_reading_and_sending_counts(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.write({"c_a": 1})
    sender.send()
    sender.write({"c_a": 2, "c_b": 2, "c_c": 2})
    refresh = CustomerConsent.refresh

    def withdraw(consent: CustomerConsent) -> None:
        for customer in ("c_a", "c_b"):
            sender.shop.state(customer, "withdrawn", at=NOON - datetime.timedelta(hours=1))
        refresh(consent)

    monkeypatch.setattr(CustomerConsent, "refresh", withdraw)
    sender.send()
    assert receiver.known() == {"c_c": {"order_count": 2, "basket": 1.0}}
    assert [event["data"]["customer_id"] for event in receiver.events] == ["c_a", "c_c", "c_a"]


def test_without_the_second_look_withdrawn_profiles_would_be_sent(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    sender.write({"c_a": 1})
    read = Delivery._profiles

    def withdraw(one: Delivery, table: str) -> dict[str, dict[str, Any]]:
        found = read(one, table)
        sender.shop.state("c_a", "withdrawn", at=NOON - datetime.timedelta(hours=1))
        return found

    monkeypatch.setattr(Delivery, "_profiles", withdraw)
    with monkeypatch.context() as patched:
        patched.setattr(CustomerConsent, "denials", lambda _, names, *__: [None] * len(names))
        sender.send()
    assert list(receiver.known()) == ["c_a"]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_failure_is_tried_again_by_this_call_and_the_next(sender: Sender, receiver: Receiver, status: int) -> None:
    left = [2]

    def answer(_: dict[str, Any]) -> int:
        left[0] -= 1
        return status if left[0] >= 0 else 204

    receiver.answer = answer
    sender.write({"c_a": 1})
    assert sender.send().changed == 1
    assert sender.pauses == ([7.0, 7.0] if status == 429 else [0.5, 2.0])
    receiver.answer = lambda _: status
    sender.write({"c_a": 2, "c_b": 2, "c_c": 2})
    report = sender.send()
    assert (report.failed, "later" in report.fault) == (3, True)
    receiver.answer = lambda _: 204
    assert sender.send().changed == 3
    assert receiver.known()["c_a"]["order_count"] == 2


def test_a_refused_event_is_set_aside_until_it_changes_or_is_asked_for(sender: Sender, receiver: Receiver) -> None:
    receiver.answer = lambda event: 422 if event["data"]["customer_id"] == "c_a" else 204
    sender.write({"c_a": 1, "c_b": 1})
    report = sender.send()
    assert (report.changed, report.dead) == (1, 1)
    assert sender.send().unchanged == 2
    assert retry_dead(sender.shop.installation, "crm") == 1
    assert sender.send().dead == 1
    receiver.answer = lambda _: 204
    sender.write({"c_a": 2, "c_b": 1})
    assert sender.send().changed == 1
    assert sender.states() == {"c_a": Status.SENT, "c_b": Status.SENT}


def test_an_event_that_fails_alone_is_set_aside_and_a_removal_never(sender: Sender, receiver: Receiver) -> None:
    receiver.answer = lambda event: 500 if event["data"]["customer_id"] == "c_a" else 204
    sender.write({"c_a": 1, "c_b": 1})
    reports = [sender.send() for _ in range(delivery.MOST_ATTEMPTS)]
    assert [report.failed for report in reports] == [1] * (delivery.MOST_ATTEMPTS - 1) + [0]
    assert (reports[-1].dead, reports[-1].fault) == (1, "")
    sender.shop.state("c_b", "withdrawn", at=NOON - datetime.timedelta(days=1))
    receiver.answer = lambda _: 422
    for _ in range(delivery.MOST_ATTEMPTS + 1):
        assert sender.send().failed == 1
    receiver.answer = lambda _: 204
    assert sender.send().removed == 1
    assert sender.states()["c_b"] is Status.REMOVED


def test_wrong_settings_stop_the_call_and_set_nothing_aside(sender: Sender, receiver: Receiver) -> None:
    sender.write({"c_a": 1})
    sender.secret = b"another secret of 24 bytes"
    report = sender.send()
    assert "status 401" in report.fault
    assert (receiver.events, sender.states()) == ([], {})


def test_a_table_that_has_lost_its_profiles_removes_none(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "LEAST_GONE", 1)
    sender.write({"c_a": 1, "c_b": 1, "c_c": 1})
    sender.send()
    sender.write({})
    with pytest.raises(DestinationError, match="3 of 3 customers permit"):
        sender.send()
    assert len(receiver.known()) == 3
    assert sender.send(accepts_gone=True).removed == 3


def test_a_role_sends_only_what_it_may_read(sender: Sender) -> None:
    sender.write({"c_a": 1})
    for change, error in (
        ({"columns": ("income",)}, AccessRefused),
        ({"purpose": "marketing"}, AccessRefused),
        ({"role": "analyst", "purpose": "analytics"}, DestinationError),
    ):
        sender.settings = sender.settings.model_copy(update=change)
        with pytest.raises(error):
            sender.send()


def test_killed_calls_lose_and_repeat_nothing(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call may end between an event and the note of it. The receiver then knows the repeat by its id."""
    monkeypatch.setattr(delivery, "PART", 3)
    rng, customers = random.Random(11), [f"c_{number}" for number in range(12)]
    for customer in customers:
        sender.shop.state(customer, "given")
    save, orders = SentProfiles.save, dict[str, int]()

    def save_or_die(*arguments: Any) -> None:
        if rng.random() < 0.3:
            raise KeyboardInterrupt
        save(*arguments)

    monkeypatch.setattr(SentProfiles, "save", save_or_die)
    for _ in range(6):
        orders |= {customer: rng.randrange(100) for customer in rng.sample(customers, 4)}
        sender.write(orders)
        sender.shop.moment += datetime.timedelta(minutes=1)
        for _ in range(20):
            try:
                sender.send()
                break
            except KeyboardInterrupt:
                continue
        assert {one: values["order_count"] for one, values in receiver.known().items()} == orders
    assert len(receiver.events) > len({event["id"] for event in receiver.events})


def test_an_erasure_tells_the_destination_before_the_tables_erase(sender: Sender, receiver: Receiver) -> None:
    from features.destination.subject_store import DestinationNotices
    from pipelines.erasure.lakehouse_store import LakehouseStore
    from privacy.rights.subject import Subject
    from privacy.rights.subject_store import OutcomeKind, prerequisites

    sender.write({"c_a": 1, "c_b": 1})
    sender.send()
    installation = sender.shop.installation
    settings = installation.settings.model_copy(update={"destinations": {"crm": sender.settings}})
    object.__setattr__(installation, "settings", settings)
    notices, subject = DestinationNotices(installation), Subject("r_1", customer_ids=("c_a",))
    receiver.answer = lambda _: 422
    assert notices.erase([subject]).kind is OutcomeKind.FAILED
    receiver.answer = lambda _: 204
    assert notices.erase([subject]).counts == {"removals_sent": 1}
    assert list(receiver.known()) == ["c_b"]
    sender.send()
    assert notices.name in prerequisites(LakehouseStore(installation))
    object.__setattr__(installation, "settings", settings.model_copy(update={"destinations": {}}))
    assert "was not told" in notices.erase([subject]).remaining[0]


def test_settings_name_one_channel_and_no_open_address(sender: Sender) -> None:
    form = {"table": "gold/trade", "columns": ["a"], "purpose": PURPOSE, "role": "agent"}
    with pytest.raises(ValidationError, match="one of webhook, kafka and file"):
        DestinationSettings.model_validate(form)
    for content in ({"table": None}, {"columns": ()}, {"table": None, "columns": ()}):
        with pytest.raises(ValidationError, match="a table with columns, an audience, or both"):
            DestinationSettings.model_validate({**form, **content})
    with pytest.raises(ValidationError, match="https"):
        DestinationSettings.model_validate({**form, "webhook": {"url": "http://crm.example", "secret_file": "s"}})
    with open_channel(sender.shop.installation.settings, sender.settings, sender.shop.installation.clock) as channel:
        assert isinstance(channel, Webhook)
