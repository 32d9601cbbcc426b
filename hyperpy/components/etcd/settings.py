"""What etcd's flags mean for a cluster of one member: how much history is kept, who the members are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy import flags
from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

_ALONE = "hyperpy etcd is a cluster of one member"
_OFTEN_S = 60.0

#: Flags of etcd that are refused, and why.
REFUSED = {
    **dict.fromkeys(
        (
            "--discovery",
            "--discovery-fallback",
            "--discovery-proxy",
            "--discovery-srv",
            "--discovery-srv-name",
            "--peer-auto-tls",
            "--peer-cert-allowed-cn",
            "--peer-cert-file",
            "--peer-client-cert-auth",
            "--peer-crl-file",
            "--peer-key-file",
            "--peer-trusted-ca-file",
            "--proxy",
            "--strict-reconfig-check",
            "--heartbeat-interval",
            "--election-timeout",
            "--initial-election-tick-advance",
            "--pre-vote",
            "--max-wals",
            "--max-snapshots",
            "--wal-dir",
            # of etcd 2.0 and before
            "--peer-addr",
            "--peer-bind-addr",
            "--peers",
            "--peers-file",
            "--peer-heartbeat-interval",
            "--peer-election-timeout",
            "--max-retry-attempts",
            "--cluster-active-size",
        ),
        _ALONE,
    ),
    "--cors": "pages of other origins are given no permission to ask",
    "--max-result-buffer": "the v2 API keeps the last 1,000 events",
    "--snapshot": "every write is in the file at once",
    "--enable-v2": "the v2 API is always there",
    "--debug": "use --v",
    "--cert": "it is --cert-file",
    "--key": "it is --key-file",
    "--force-new-cluster": f"{_ALONE}, whose data directory starts as it is",
    "--auth-token": "it knows its clients by their certificates",
    "--auto-tls": "give it a certificate with --cert-file and --key-file",
    "--client-crl-file": "take a certificate's authority out of --trusted-ca-file",
    "--config-file": "give flags, or ETCD_* variables",
    "--listen-metrics-urls": "/metrics and /health are at the client URLs",
    "--log-level": "use --v",
}


class EtcdCommand(QuickCommand):
    """A command that says why it refuses flags of etcd, and whose `BOOL` flags may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse, complete the flags that stand alone, then parse as usual; one dash is as good as two, as in Go.

        Raises UserError.
        """
        args = [_with_two_dashes(arg) for arg in args]
        for arg in args:
            name = arg.partition("=")[0]
            if name in REFUSED:
                raise UserError(f"{name} is not supported: {REFUSED[name]}; leave it out")
        alone = {name for param in self.params if getattr(param, "metavar", None) == flags.BOOL for name in param.opts}
        return super().parse_args(ctx, [f"{arg}=true" if arg in alone else arg for arg in args])


def _with_two_dashes(arg: str) -> str:
    name = arg.partition("=")[0]
    return f"-{arg}" if name[:1] == "-" and name[1:2] != "-" and len(name) > 2 else arg


@dataclass(frozen=True, slots=True)
class Retention:
    """What automatic compaction keeps, and how often it looks; 0 s: there is none."""

    keep_revisions: int = 0
    keep_s: float = 0.0
    every_s: float = 0.0


def retention(mode: str, text: str) -> Retention:
    """What `--auto-compaction-mode` and `--auto-compaction-retention` say; as at etcd, hours stand for a plain number.

    Raises:
        UserError: they say nothing that can be done.
    """
    if mode not in ("periodic", "revision"):
        raise UserError(f"--auto-compaction-mode={mode} is neither periodic nor revision")
    if text in ("", "0"):
        return Retention()
    if mode == "revision":
        if not text.isdecimal():
            raise UserError(f"--auto-compaction-retention={text} is no number of revisions")
        return Retention(keep_revisions=int(text), every_s=_OFTEN_S)
    keep_s = int(text) * 3600.0 if text.isdecimal() else flags.seconds("--auto-compaction-retention", text)
    return Retention(keep_s=keep_s, every_s=max(1.0, min(_OFTEN_S, keep_s / 10)))


def check_alone(*, name: str, initial_cluster: str, initial_cluster_state: str, peer_urls: Sequence[str]) -> None:
    """See that the flags describe a new cluster with this member only. Raises UserError."""
    if initial_cluster_state not in ("", "new"):
        raise UserError(f"--initial-cluster-state={initial_cluster_state} is not supported: {_ALONE}; leave it out")
    members = [part.partition("=") for part in initial_cluster.split(",") if part]
    for member, _, url in members:
        if member != name:
            raise UserError(f"--initial-cluster names the member {member!r}: {_ALONE}, and that is {name!r}")
        if peer_urls and url not in peer_urls:
            raise UserError(
                f"--initial-cluster has {url} and --initial-advertise-peer-urls has {','.join(peer_urls)}: "
                "they must be the same"
            )


def number(flag: str, text: str, *, at_least: int) -> int:
    """The number of a flag. Raises UserError."""
    try:
        found = int(text)
    except ValueError:
        found = at_least - 1
    if found < at_least:
        raise UserError(f"{flag}={text} is no number from {at_least} on")
    return found
