"""Runs an iterator in a thread, so that what it yields is there when it is wanted."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_Item = TypeVar("_Item")
_PATIENCE = 0.1
_PARTING = 1.0  # it may be stuck reading from a pipe


class _End:
    """What the thread sends last: the exception that stopped it, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Ahead(Generic[_Item]):
    def __init__(self, items: Iterator[_Item], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[_Item | _End] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        error = None
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as caught:  # noqa: BLE001 - handed on to the consumer
            error = caught
        self._put(_End(error))

    def _put(self, item: _Item | _End) -> bool:
        """Hand an item on; False where nobody wants it any more."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[_Item]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(_PARTING)


@contextmanager
def ahead(items: Iterator[_Item], depth: int) -> Iterator[Iterator[_Item]]:
    """Yield the same items, of which a thread holds up to `depth` ready."""
    thread = _Ahead(items, depth)
    try:
        yield iter(thread)
    finally:
        thread.stop()
