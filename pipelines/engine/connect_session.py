"""Opens a Spark Connect session, and replaces it by a new one when its server has lost it.

A server that was restarted, or that ended an idle session, no longer has the session's settings, artifacts and views.
The statement that meets this fails; before it does, the session object gets a new session of the server with the same
settings and artifacts. Whoever repeats the whole step succeeds: Dagster repeats a table's step once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from grpc import RpcError
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectException
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.core import SparkConnectClient
from pyspark.sql.connect.client.retries import RetryPolicy
from pyspark.sql.connect.proto import base_pb2 as pb2
from pyspark.sql.connect.session import SparkSession as ConnectSession

from pipelines.engine import endpoint
from pipelines.errors import EngineError
from pipelines.lakehouse.lost_session import is_lost
from pipelines.lakehouse.statement_option import is_apache_spark

if TYPE_CHECKING:
    # Jobs use the API of this class. The object is of the Connect class, which mypy treats as a different class.
    from pyspark.sql import SparkSession as Session

# While this is set, `pyspark.sql.functions` build Spark Connect expressions, as all our sessions need.
CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
# A server compresses rows if the client accepts compression. Within a machine that takes 25 times as long as a copy
# (19 MB of tokens: 0.5 s, not 0.02 s). Bit 0 means uncompressed messages; only these are accepted.
PLAIN_MESSAGES = ("grpc.compression_enabled_algorithms_bitset", 1)
# A server with its JVM starts in half a minute; a cluster's new driver takes some minutes.
RESTART_SECONDS = 300.0
_PROBE_SECONDS = 1.0
_ATTEMPTS = 3
MARK = "bojagi.session.mark"

Result = TypeVar("Result")
Prepare = Callable[["Session"], None]
"""Sets what a session needs: settings and artifacts. Called again for each new session."""


def retry_lost(spark: Session, action: Callable[[], Result]) -> Result:
    """Return the result of an action; run it again if the session was replaced meanwhile.

    An action that catches the engine's errors is repeated as well: part of its statements may have failed.
    """
    for _ in range(_ATTEMPTS - 1):
        session_id = _id_of(spark)
        try:
            result = action()
        except Exception:
            if _id_of(spark) == session_id:
                raise
        else:
            if _id_of(spark) == session_id:
                return result
    return action()


@contextmanager
def open_session(url: str, name: str, prepare: Prepare, *, is_local: bool = True) -> Iterator[Session]:
    """Open a session on a running server and prepare it; close it at the end.

    `pyspark.sql.SparkSession.builder` is not used: it returns the session of the JVM if one is open.

    Raises:
        EngineError: the server refuses the first statement.
    """
    os.environ[CONNECT_MODE] = "1"
    opened = _Renewed(url, prepare, is_local=is_local)
    try:
        opened.open()
        ConnectSession._set_default_and_active_session(opened.session)
    except (PySparkException, RpcError) as error:
        opened.close()
        raise endpoint.explain_refusal(error, name) from error
    try:
        yield cast("Session", opened.session)
    finally:
        opened.close()


class _Client(SparkConnectClient):
    """Calls `on_lost` before it reports that the server has lost the session."""

    def __init__(self, builder: DefaultChannelBuilder, on_lost: Callable[[_Client], None]) -> None:
        super().__init__(builder)
        self.on_lost = on_lost
        self.is_marked = False

    def mark(self) -> None:
        """Set a mark in the session and look at it before every statement, for a server that makes sessions silently.

        Sail's server has no id of its own, so after its restart it would go on with its own settings, without a word.
        A request whose connection breaks is not sent again, because the mark was looked at before.
        """
        self.set_retry_policies([RetryPolicy()])
        self.config(pb2.ConfigRequest.Operation(set=pb2.ConfigRequest.Set(pairs=[pb2.KeyValue(key=MARK, value="1")])))
        self.is_marked = True

    def _execute_plan_request_with_metadata(self, operation_id: str | None = None) -> pb2.ExecutePlanRequest:
        self._look_at_mark()
        return super()._execute_plan_request_with_metadata(operation_id)

    def _analyze_plan_request_with_metadata(self) -> pb2.AnalyzePlanRequest:
        self._look_at_mark()
        return super()._analyze_plan_request_with_metadata()

    def _look_at_mark(self) -> None:
        if self.is_marked and self.get_config_with_defaults((MARK, ""))[0] != "1":
            self._handle_error(SparkConnectException(errorClass="NO_ACTIVE_SESSION", messageParameters={}))

    def _handle_error(self, error: Exception) -> NoReturn:
        try:
            super()._handle_error(error)
        except Exception as found:
            if is_lost(found):
                self.on_lost(self)
            raise


class _Renewed:
    """A session object whose client is replaced when the server has lost its session."""

    def __init__(self, url: str, prepare: Prepare, *, is_local: bool) -> None:
        self._url, self._prepare, self._is_local = url, prepare, is_local
        self._lock, self._is_open = RLock(), False
        self.session = _session(self._client())

    def open(self) -> None:
        """Run the first statement and prepare the session."""
        self._start(self.session)
        self._is_open = True

    def close(self) -> None:
        """End the session. It is not replaced after that."""
        self._is_open = False
        self.session.stop()

    def _client(self) -> _Client:
        return _Client(DefaultChannelBuilder(self._url, [PLAIN_MESSAGES] if self._is_local else None), self._renew)

    def _start(self, session: ConnectSession) -> None:
        session.sql("SELECT 1").collect()
        client = session.client
        if not self._is_local and not is_apache_spark(cast("Session", session)):
            cast(_Client, client).mark()
        self._prepare(cast("Session", session))

    def _renew(self, lost: _Client) -> None:
        """Give the session object a new session of the server, unless another thread has done so."""
        if not self._is_open or self._is_local:
            return
        lost._closed = True  # what other threads begin on it fails as well, until the session is replaced
        with self._lock:
            if self.session._client is not lost:
                return
            try:
                self._await_server()
                new = _session(self._client())
                self._start(new)
            except (EngineError, PySparkException, RpcError):
                return  # the next statement fails in the same way, and tries again
            # The other object takes the lost client, which it closes when it is collected.
            self.session._client, new._client = new._client, lost
            self.session._session_id = self.session._client._session_id

    def _await_server(self) -> None:
        ends_at = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                return endpoint.probe(self._url)
            except EngineError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(_PROBE_SECONDS)


def _session(client: SparkConnectClient) -> ConnectSession:
    """Return a session object with a client of ours; its constructor would make one of its own."""
    session = ConnectSession.__new__(ConnectSession)
    session._client, session._session_id = client, client._session_id
    session.release_session_on_close = True
    return session


def _id_of(spark: Session) -> str:
    return cast(ConnectSession, spark).session_id
