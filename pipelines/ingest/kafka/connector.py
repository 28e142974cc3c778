"""Opens the topic of a source for reading, and the reader of its Avro messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from installation.errors import SettingsError
from installation.source_credential import SourceCredential
from pipelines.ingest.database.connection import UNREACHABLE
from pipelines.ingest.fault import FileFaultError
from privacy.contract.document import KafkaTopic

if TYPE_CHECKING:
    from pipelines.ingest.kafka.avro_message import AvroReader
    from pipelines.ingest.kafka.topic import Topic


@contextmanager
def open_topic(origin: KafkaTopic, credential: SourceCredential | None) -> Iterator[Topic]:
    """Open a consumer of the topic for the block.

    Raises:
        FileFaultError: the package is missing, a password cannot be read, or a setting is wrong.
    """
    try:
        from pipelines.ingest.kafka.topic import Topic
    except ImportError as error:
        raise _not_installed(error) from error
    try:
        login = credential.kafka_options() if credential else {}
    except SettingsError as error:
        raise FileFaultError(UNREACHABLE, str(error)) from error
    topic = Topic.open(origin, login)
    try:
        yield topic
    finally:
        topic.close()


def open_avro_reader(origin: KafkaTopic) -> AvroReader | None:
    """Return the reader of the topic's Avro messages; None if they are JSON.

    Raises:
        FileFaultError: the package is missing, or the schema is not one of Avro.
    """
    if not origin.avro_schema:
        return None
    try:
        from pipelines.ingest.kafka.avro_message import AvroReader
    except ImportError as error:
        raise _not_installed(error) from error
    return AvroReader(origin)


def _not_installed(error: ImportError) -> FileFaultError:
    return FileFaultError(UNREACHABLE, f"the package {error.name} is not installed; install bojagi[kafka]")
