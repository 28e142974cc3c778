"""What the collector holds, and a total loss: the log comes back and is loaded once, waiting events do not."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

from agent_serving.collector.projection import Projection
from agent_serving.collector.received_event import SignalHeaders
from agent_serving.collector.visitor_store import FILE, SECRET_FILE, VisitorStore, WaitingEvent
from installation.backup.creation import make_backup
from installation.backup.restoration import RestorePlan
from installation.collector.append_log import AppendLog
from installation.collector.place import segment_folder
from installation.installation import Installation
from pipelines.backup.recovery import recover
from pipelines.collection.micro_batch import load_segments
from pipelines.operation.state import RunFacts
from pipelines.orchestration.watch import observe
from tests.pipelines.backup.conftest import lose, reopened

SOURCE, TABLE = "source.tracked_event", "bronze/tracked_event"
AT = datetime(2017, 5, 1, tzinfo=UTC)


def write(market: Installation, *numbers: int) -> None:
    """Write a segment with these events."""
    contract = market.contracts[SOURCE]
    projection = Projection(contract)
    messages = [{"type": "track", "event": "x", "anonymousId": "a", "messageId": f"m{number}"} for number in numbers]
    with closing(AppendLog(segment_folder(contract, market.settings))) as log:
        log.append([projection.event(one, AT, SignalHeaders()).line for one in messages]).result()


def opened(market: Installation) -> VisitorStore:
    return VisitorStore(market.settings.data_dir / FILE, market.open_key(SECRET_FILE))


def waiting(market: Installation) -> int:
    with closing(opened(market)) as store:
        return store.count(["v"])["waiting_event"]


def test_the_log_comes_back_and_is_loaded_once_and_waiting_events_do_not(market: Installation) -> None:
    write(market, 1, 2)
    load_segments(market, market.contracts[SOURCE])
    write(market, 2, 3)
    with closing(opened(market)) as store, store.changing():
        store.wait(SOURCE, WaitingEvent(b"d", "v", None), b"{}", AT, AT + timedelta(days=1))
    assert waiting(market) == 1
    make_backup(market)
    lose(market)
    assert recover(market.settings, RestorePlan()).is_whole
    with reopened(market) as restored:
        assert not (restored.settings.data_dir / FILE).exists()
        assert observe(restored, RunFacts).unobserved == ()
        load_segments(restored, restored.contracts[SOURCE])
        found = restored.lakehouse.rows(TABLE, ["message_id"])["message_id"].to_pylist()
        assert sorted(found) == ["m1", "m2", "m3"]
        assert waiting(restored) == 0
