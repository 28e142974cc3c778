import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from pyspark.errors import PySparkException

from installation.settings import load_settings
from pipelines.engine import connect_session, endpoint
from pipelines.engine.connect_session import retry_lost
from pipelines.engine.session import Engine, open_engine
from pipelines.errors import EngineError
from pipelines.lakehouse.lost_session import is_lost

SERVER = """
import sys
from pysail.spark import SparkConnectServer
SparkConnectServer("127.0.0.1", int(sys.argv[1])).start(background=False)
"""


class Server:
    """A server of Sail in a process of its own, which tests kill and start again at the same address."""

    def __init__(self) -> None:
        self.port = endpoint.find_free_port()
        self.url = f"sc://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, str(self.port)], stderr=subprocess.DEVNULL)
        while True:
            try:
                return endpoint.probe(self.url)
            except EngineError:
                assert self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.kill()


@pytest.fixture
def remote(server: Server, tmp_path: Path) -> Iterator[Engine]:
    with open_engine(load_settings(engine=server.url, data_dir=tmp_path)) as opened:
        yield opened


def zone(engine: Engine) -> str:
    return str(engine.spark.sql("SELECT current_timezone()").collect()[0][0])


def test_a_statement_fails_once_after_a_restart_and_the_session_keeps_its_options(
    remote: Engine, server: Server
) -> None:
    frame = remote.spark.range(5)
    server.restart()
    with pytest.raises(PySparkException) as caught:
        frame.collect()
    assert is_lost(caught.value)
    assert len(frame.collect()) == 5, "a frame made before belongs to the same session object"
    assert zone(remote) == "UTC"


def test_without_a_new_session_the_options_would_be_lost(
    remote: Engine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sail makes a missing session anew without saying so: a repeated statement would run in the server's zone."""
    monkeypatch.setattr(connect_session, "is_lost", lambda error: False)
    monkeypatch.setattr(connect_session._Client, "_look_at_mark", lambda self: None)
    server.restart()
    with suppress(PySparkException):  # the broken connection may be noticed first
        zone(remote)
    assert zone(remote) != "UTC"


def test_an_action_is_repeated_after_a_restart(remote: Engine, server: Server) -> None:
    calls: list[int] = []

    def action() -> int:
        calls.append(1)
        remote.spark.range(4).createOrReplaceTempView("counted")
        if len(calls) == 1:
            server.restart()
        return int(remote.spark.sql("SELECT count(*) FROM counted").collect()[0][0])

    assert retry_lost(remote.spark, action) == 4
    assert len(calls) == 2


def test_an_action_that_hides_the_error_is_repeated(remote: Engine, server: Server) -> None:
    found: list[str] = []

    def action() -> str:
        if not found:
            server.restart()
        try:
            found.append(zone(remote))
        except PySparkException:
            found.append("unknown")
        return found[-1]

    assert retry_lost(remote.spark, action) == "UTC"
    assert found == ["unknown", "UTC"]


def test_another_error_is_not_repeated(remote: Engine) -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        remote.spark.sql("SELECT none").collect()

    with pytest.raises(PySparkException, match="none"):
        retry_lost(remote.spark, action)
    assert len(calls) == 1


def test_several_threads_get_the_same_new_session(remote: Engine, server: Server) -> None:
    old, seen = remote.spark.client._session_id, []
    server.restart()

    def use() -> None:
        retry_lost(remote.spark, lambda: zone(remote))
        seen.append(remote.spark.client._session_id)

    threads = [Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert old not in seen


def test_a_server_that_does_not_come_back_is_waited_for_no_longer_than_the_limit(
    remote: Engine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_session, "RESTART_SECONDS", 0.0)
    server.kill()
    with pytest.raises(PySparkException):
        zone(remote)
    server.start()
    assert retry_lost(remote.spark, lambda: zone(remote)) == "UTC"
