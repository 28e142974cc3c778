"""Brings the index up to date while the server runs: looks at the content folder every half second."""

from __future__ import annotations

import sqlite3
import threading
from importlib.util import find_spec

from agent_serving.search.errors import SearchError
from installation.event_log import log_error, log_event
from installation.installation import Installation
from installation.settings import Settings

LOOK_SECONDS = 0.5
"""A changed file is visible within two seconds. A look without a change costs one `stat` a file."""


def is_engine_installed(settings: Settings) -> bool:
    """Return whether the package of the engine that the settings name is installed."""
    return settings.search.opensearch_url is not None or find_spec("tantivy") is not None


class ContentWatcher:
    """A thread that indexes changed content files until `close`. Without a content folder it waits for one."""

    def __init__(self, installation: Installation, look_seconds: float = LOOK_SECONDS) -> None:
        """Start the thread."""
        self._installation, self._look_seconds = installation, look_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="content", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after the files that it is indexing."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        failed, folder = "", self._installation.settings.content_dir
        while not folder.is_dir():
            if self._ended.wait(self._look_seconds):
                return
        # Imported here, so that the start of a server does not wait for it.
        from agent_serving.search.content_file import content_signatures
        from agent_serving.search.opening import open_upkeep

        while not self._ended.is_set():
            try:
                with open_upkeep(self._installation) as upkeep:
                    seen: dict[str, str] | None = None
                    while not self._ended.wait(self._look_seconds):
                        before, seen = seen, content_signatures(folder)
                        if seen == before and not upkeep.queue.due(upkeep.clock()):
                            continue
                        report = upkeep.run(wait_seconds=self._look_seconds)
                        failed = ""
                        if report.indexed or report.removed:
                            log_event(
                                "content_indexed", source="bojagi.serve", files=report.indexed, removed=report.removed
                            )
            except (SearchError, sqlite3.Error, OSError) as error:
                # The files stay in the queue. The same message is logged once.
                if str(error) != failed:
                    failed = str(error)
                    log_error(error, source="bojagi.serve")
                self._ended.wait(10 * self._look_seconds)
