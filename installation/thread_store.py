"""Objects that each thread opens for itself, such as connections to SQLite, closed together at the end."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar, cast

Opened = TypeVar("Opened")


class ThreadStores:
    """One object of each name for each thread. A thread that has ended releases its own, so they do not pile up.

    A forked process opens its own: SQLite forbids to use, and to close, a connection that a fork has copied. After
    `close`, a new use opens anew.
    """

    def __init__(self) -> None:
        self._own = threading.local()
        self._lock = threading.Lock()
        self._opened: list[tuple[int, weakref.ref[Any]]] = []
        self._round = 0

    def once(self, name: str, opened: Callable[[], Opened], *, closes: bool = True) -> Opened:
        """Return the calling thread's object of that name, opened when it asks first.

        Args:
            name: of the object.
            opened: opens it.
            closes: whether it has a `close` that is called at the end.
        """
        process = os.getpid()
        own: dict[Any, Any] = self._own.__dict__
        key = (process, self._round, name)
        if key not in own:
            for closed in [other for other in own if other[0] == process and other[1] != key[1]]:
                del own[closed]
            made = opened()
            own[key] = made
            if closes:
                with self._lock:
                    living = [entry for entry in self._opened if entry[1]() is not None]
                    self._opened = [*living, (process, weakref.ref(made))]
        return cast("Opened", own[key])

    def close(self) -> None:
        """Close every object that this process opened and that is still referenced."""
        with self._lock:
            self._round += 1
            found, self._opened = self._opened, []
        with ExitStack() as stack:
            for process, reference in found:
                if process == os.getpid() and (store := reference()) is not None:
                    stack.callback(store.close)
