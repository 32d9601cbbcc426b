"""The terminal that the user sits at: raw while a remote one is shown, and its size."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import tty
from collections.abc import Iterator


@contextlib.contextmanager
def raw_mode(fd: int) -> Iterator[None]:
    """Pass every key on as it is; the terminal is as before afterwards."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def size(fd: int) -> tuple[int, int]:
    """Columns and rows."""
    found = os.get_terminal_size(fd)
    return found.columns, found.lines


@contextlib.contextmanager
def resizes() -> Iterator[int]:
    """A file descriptor that becomes readable whenever the terminal's size changes."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    woken = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        yield readable
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGWINCH, before)
        os.close(readable)
        os.close(writable)
