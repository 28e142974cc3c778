"""Carries the messages of a run over a Flower grid, and a grid that calls the client app in this process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from federated.collection import Answer
from federated.errors import PayloadRefused
from federated.wire import Parcel, Step

POLL_SECONDS = 0.2
SERVER_NODE = 1
"""The node number of the server, as Flower has it."""


class GridChannel:
    """A `Channel` over any grid of Flower: in process, simulated or deployed."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def nodes(self) -> list[int]:
        """Returns the connected nodes."""
        return list(self._grid.get_node_ids())

    def ask(self, step: Step, requests: Mapping[int, Parcel], timeout_seconds: float) -> Mapping[int, Answer]:
        """Sends one message a node and returns the answers that arrive in time.

        An answer counts for the node that was asked, whatever it says about itself.
        """
        records = {key: parcel.to_record() for key, parcel in {id(one): one for one in requests.values()}.items()}
        messages = [
            Message(
                records[id(parcel)],
                node,
                step.message_type,
                group_id=str(parcel.header.get("round", "")),
                ttl=timeout_seconds + 60,
            )
            for node, parcel in requests.items()
        ]
        # Not `send_and_receive`, which looks for replies every three seconds.
        sent = list(self._grid.push_messages(messages))
        if len(sent) != len(messages):
            raise PayloadRefused(
                f"Flower did not take the messages of step {step}; they are too large for one request."
            )
        node_of = {name: node for name, node in zip(sent, requests, strict=True) if name}
        answers, waiting, end = dict[int, Answer](), set(node_of), time.monotonic() + timeout_seconds
        while waiting:
            for reply in self._grid.pull_messages(waiting):
                waiting.discard(reply.metadata.reply_to_message_id)
                answers[node_of[reply.metadata.reply_to_message_id]] = _answer(reply)
            if not waiting or time.monotonic() > end:
                break
            time.sleep(POLL_SECONDS)
        return answers


def _answer(reply: Message) -> Answer:
    if reply.has_error():
        # The reason of a foreign exception may quote data, so only Flower's code is kept.
        return Answer(None, f"the client app failed (Flower's error code {reply.error.code}); see the site's log")
    try:
        return Answer(Parcel.from_record(reply.content))
    except PayloadRefused as error:
        return Answer(None, str(error))


class LocalGrid(Grid):
    """A grid without network: messages are handed to the client app in this process, one node after the other."""

    def __init__(self, app: ClientApp, contexts: Mapping[int, Context]) -> None:
        self._app, self._contexts, self._replies = app, dict(contexts), dict[str, Message]()
        self._run: Run | None = None
        self._sent = 0
        # Flower stamps messages with the task of the process; here the process is server and nodes at once.
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 0, 0, SERVER_NODE

    def set_run(self, run: Run) -> None:
        """Sets the run."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run, if one was set."""
        if self._run is None:
            raise RuntimeError("No run was set.")
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """Creates a message."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Returns the nodes."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hands each message to the app and keeps the replies."""
        ids = []
        for message in messages:
            self._sent += 1
            message.metadata.__dict__["_message_id"] = str(self._sent)
            try:
                reply = self._app(message, self._contexts[message.metadata.dst_node_id])
            except Exception as error:  # noqa: BLE001 - the edge of a node: Flower answers with the error as well
                reply = Message(Error(0, type(error).__name__), reply_to=message)
            self._replies[str(self._sent)] = reply
            ids.append(str(self._sent))
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Returns the replies to messages, once."""
        return [self._replies.pop(name) for name in list(message_ids) if name in self._replies]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Hands each message to the app and returns the replies."""
        return self.pull_messages(self.push_messages(messages))
