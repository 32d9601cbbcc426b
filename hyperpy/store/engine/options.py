"""What can be set on the store, with the defaults that the API server runs with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Limits and policies of one open store.

    Args:
        group_writes: most writes that share one commit.
        group_bytes: a group is closed when its values reach this size.
        queued_writes: writes taken in but not yet durable; more writers than this wait their turn.
        window_events: newest changes held in memory, for watches that resume and reads a little way back.
        window_bytes: the same, by the size of the values that only the window still holds.
        watch_events: changes waiting for one slow watcher before it is closed with `WatchLagged`.
        keep_revisions: automatic compaction always leaves this many of the newest revisions.
        keep_s: and everything younger than this many seconds.
        compact_every_s: seconds between two looks at what has become too old; 0 never compacts by itself.
    """

    group_writes: int = 512
    group_bytes: int = 8 << 20
    queued_writes: int = 4096
    window_events: int = 4096
    window_bytes: int = 8 << 20
    watch_events: int = 8192
    keep_revisions: int = 10_000
    keep_s: float = 300.0
    compact_every_s: float = 60.0
