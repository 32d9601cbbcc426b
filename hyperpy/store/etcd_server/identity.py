"""Who an etcd server of ours says it is: the ids and the header that every answer carries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hyperpy.store.etcd.api import rpc_pb2 as pb

#: The etcd release whose API is served; clients choose by it what they ask for.
ETCD_VERSION = "3.4.31"
#: There is no Raft and so no election: the term never changes.
TERM = 1


@dataclass(frozen=True)
class Identity:
    """A cluster of one member.

    Args:
        client_urls: where clients reach it.
        peer_urls: what was said to be the addresses for other members; none of them ever asks.
    """

    name: str
    client_urls: Sequence[str]
    peer_urls: Sequence[str] = ()

    @cached_property
    def member_id(self) -> int:
        """The same at every start."""
        return int.from_bytes(hashlib.sha256(b"member " + self.name.encode()).digest()[:8])

    @cached_property
    def cluster_id(self) -> int:
        """The same at every start."""
        return int.from_bytes(hashlib.sha256(b"cluster " + self.name.encode()).digest()[:8])

    def header(self, revision: int) -> pb.ResponseHeader:
        """What every answer begins with."""
        return pb.ResponseHeader(
            cluster_id=self.cluster_id, member_id=self.member_id, revision=revision, raft_term=TERM
        )

    def member(self) -> pb.Member:
        """The entry in the list of members."""
        return pb.Member(ID=self.member_id, name=self.name, peerURLs=self.peer_urls, clientURLs=self.client_urls)
