"""A real broker of Apache Kafka for tests: the project's own jars, in KRaft mode, on the loopback address.

The jars are fetched once into a cache folder, by the Ivy that comes with Spark.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from privacy.storage.lock import file_lock
from tests.database_server import free_port
from tests.engines import require_or_skip

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

VERSION = "4.3.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "bojagi" / f"kafka-{VERSION}"
JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xlog:disable")
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@dataclass
class Broker:
    """A broker. Its port and its data stay the same when it is stopped and started again."""

    folder: Path
    jars: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        properties = self.folder / "server.properties"
        if not properties.exists():
            text = PROPERTIES.format(port=self.port, controller=free_port(), folder=self.folder)
            properties.write_text(text)
            storage = ["kafka.tools.StorageTool", "format", "-t", "Ym9qYWdpLXRlc3QtMTIzNA", "-c", str(properties)]
            subprocess.run(self._java(*storage), check=True, capture_output=True)
        log = (self.folder / "log").open("ab")
        with log:
            command = self._java("kafka.Kafka", str(properties))
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        for _ in range(1200):
            if self._process.poll() is not None:
                raise RuntimeError(f"the broker ended: {(self.folder / 'log').read_text()[-2000:]}")
            if self._answers():
                return
            time.sleep(0.1)
        raise TimeoutError("the broker did not start within two minutes")

    def stop(self) -> None:
        """Kill the broker."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @cached_property
    def admin(self) -> AdminClient:
        """A client that administers it."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        from confluent_kafka.cimpl import NewTopic

        self.admin.create_topics([NewTopic(name, partitions, 1)])[name].result(60)

    def send(self, topic: str, *messages: bytes | None, partition: int = 0, **options: Any) -> None:
        """Send messages to a partition, and wait until the broker has them."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.address, "log_level": 0, "linger.ms": 5, **options})
        for message in messages:
            producer.produce(topic, message, partition=partition)
            producer.poll(0)
        assert producer.flush(60) == 0

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException

        try:
            return bool(self.admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *JVM, "-cp", f"{self.jars}/*", *arguments]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker."""
    with kafka_broker(tmp_path_factory.mktemp("broker")) as started:
        yield started


@contextmanager
def kafka_broker(folder: Path) -> Iterator[Broker]:
    """Run a broker for the block; skips or fails where the machine cannot."""
    missing = [name for name in ("confluent_kafka", "fastavro") if importlib.util.find_spec(name) is None]
    if missing or shutil.which("java") is None:
        require_or_skip("kafka", f"{', '.join(missing) or 'java'} is not installed")
    broker = Broker(folder, _fetched_jars())
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _fetched_jars() -> Path:
    """Return the folder of the broker's jars; the first call fetches them (44 MB)."""
    jars = CACHE / "jars"
    CACHE.mkdir(parents=True, exist_ok=True)
    with file_lock(CACHE / "lock", wait_seconds=600):
        if not jars.exists():
            spark = importlib.util.find_spec("pyspark")
            assert spark is not None
            ivy = next((Path(str(spark.origin)).parent / "jars").glob("ivy-*.jar"))
            new = CACHE / "new"
            command = ["java", "-jar", str(ivy), "-cache", str(CACHE / "ivy"), "-confs", "default"]
            command += ["-dependency", "org.apache.kafka", "kafka_2.13", VERSION]
            found = subprocess.run(
                [*command, "-retrieve", f"{new}/[artifact]-[revision].[ext]"], capture_output=True, text=True
            )
            if found.returncode or not list(new.glob(f"kafka_2.13-{VERSION}.jar")):
                require_or_skip("kafka", f"the broker's jars cannot be fetched: {found.stdout[-500:]}")
            new.rename(jars)
    return jars
