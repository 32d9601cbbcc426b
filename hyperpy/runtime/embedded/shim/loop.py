"""A small event loop: readable and writable descriptors, timers, children that ended. One thread, no tasks."""

from __future__ import annotations

import heapq
import itertools
import os
import select
import signal
import time
from collections.abc import Callable

Callback = Callable[[], None]


class Loop:
    """Calls back when descriptors are ready, when time has passed and when children end."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._numbers = itertools.count()
        self._running = False
        self.on_child: Callable[[int, int], None] = lambda pid, status: None

    def add_reader(self, handle: int, callback: Callback) -> None:
        """Call when `handle` is readable or at its end."""
        known = handle in self._readers or handle in self._writers
        self._readers[handle] = callback
        self._register(handle, known=known)

    def add_writer(self, handle: int, callback: Callback) -> None:
        """Call when `handle` takes bytes."""
        known = handle in self._readers or handle in self._writers
        self._writers[handle] = callback
        self._register(handle, known=known)

    def remove_reader(self, handle: int) -> None:
        """Stop calling; must come before the descriptor is closed."""
        if self._readers.pop(handle, None) is not None:
            self._register(handle, known=True)

    def remove_writer(self, handle: int) -> None:
        """Stop calling; must come before the descriptor is closed."""
        if self._writers.pop(handle, None) is not None:
            self._register(handle, known=True)

    def call_later(self, delay_s: float, callback: Callback) -> None:
        """Call once after a delay; there is no cancelling, the callback looks whether it is still wanted."""
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._numbers), callback))

    def stop(self) -> None:
        """Let `run` return after the present round."""
        self._running = False

    def run(self) -> None:
        """Serve until `stop`."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.add_reader(wake_read, lambda: self._reap(wake_read))
        self._running = True
        self._reap(wake_read)
        while self._running:
            for handle, events in self._poll.poll(self._wait_s()):
                self._dispatch(handle, events)
            self._run_timers()

    def _dispatch(self, handle: int, events: int) -> None:
        if events & ~select.EPOLLOUT and (reader := self._readers.get(handle)):
            reader()
        if events & ~select.EPOLLIN and (writer := self._writers.get(handle)):
            writer()

    def _register(self, handle: int, *, known: bool) -> None:
        wanted = (select.EPOLLIN if handle in self._readers else 0) | (
            select.EPOLLOUT if handle in self._writers else 0
        )
        if not wanted:
            self._poll.unregister(handle)
        elif known:
            self._poll.modify(handle, wanted)
        else:
            self._poll.register(handle, wanted)

    def _wait_s(self) -> float:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def _reap(self, wake_read: int) -> None:
        try:
            os.read(wake_read, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.on_child(pid, os.waitstatus_to_exitcode(status))
