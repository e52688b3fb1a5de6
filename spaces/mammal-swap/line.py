"""A line of visitors who wait for what only one can have at a time, and who are told how many are ahead of them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Line:
    """At most `most` wait beside the one whose turn it is."""

    def __init__(self, most: int):
        self.most = most
        self._tickets: list[object] = []
        self._changing = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[Callable[[], int]]:
        """A place, as long as the block lasts; gives what tells how many are ahead: 0, and it is one's turn.

        Raises:
            ValueError: too many wait already; in one line.
        """
        ticket = object()
        with self._changing:
            if len(self._tickets) > self.most:
                raise ValueError(f"Too many are waiting: {self.most} others. Please come back in a minute.")
            self._tickets.append(ticket)
        try:
            yield lambda: self._tickets.index(ticket)
        finally:
            with self._changing:
                self._tickets.remove(ticket)
