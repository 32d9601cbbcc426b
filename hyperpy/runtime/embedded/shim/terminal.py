"""A terminal inside a container: a pty of the container's own devpts, so that `tty` and `/dev/console` work there."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from hyperpy.linux import syscalls

_TIOCSPTLCK, _TIOCGPTN = 0x40045431, 0x80045430


def open_pair() -> tuple[int, int]:
    """Open a new pty of the /dev/pts that is mounted here; returns master and slave."""
    master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    (number,) = struct.unpack("I", fcntl.ioctl(master, _TIOCGPTN, b"\0" * 4))
    return master, os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def control(slave: int, *, uid: int) -> None:
    """Make the slave this session's terminal and its owner the user."""
    os.fchown(slave, uid, -1)
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def show_as_console(slave: int) -> None:
    """Bind the slave on /dev/console."""
    number = os.ttyname(slave)
    os.close(os.open("/dev/console", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    syscalls.mount(number, "/dev/console", flags=syscalls.MS_BIND)


def resize(master: int, *, width: int, height: int) -> None:
    """Set the size in characters; the foreground process gets SIGWINCH."""
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
