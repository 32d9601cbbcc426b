"""Who an etcd server of ours says it is: the ids and the header that every answer carries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperpy.store.etcd.api import rpc_pb2 as pb

#: The etcd release whose API is served; clients choose by it what they ask for.
ETCD_VERSION = "3.4.31"
_TERM = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A cluster of one member.

    Args:
        client_urls: where clients reach it.
        file_bytes: how large the database file is now.
    """

    name: str
    client_urls: Sequence[str]
    file_bytes: Callable[[], int]

    @property
    def member_id(self) -> int:
        """The same at every start."""
        return int.from_bytes(hashlib.sha256(b"member " + self.name.encode()).digest()[:8])

    @property
    def cluster_id(self) -> int:
        """The same at every start."""
        return int.from_bytes(hashlib.sha256(b"cluster " + self.name.encode()).digest()[:8])

    def header(self, revision: int) -> pb.ResponseHeader:
        """What every answer begins with."""
        return pb.ResponseHeader(
            cluster_id=self.cluster_id, member_id=self.member_id, revision=revision, raft_term=_TERM
        )

    def member(self) -> pb.Member:
        """The entry in the list of members."""
        return pb.Member(ID=self.member_id, name=self.name, clientURLs=self.client_urls)

    def status(self, revision: int) -> pb.StatusResponse:
        """How it goes. There is no Raft; the revision stands in for its index."""
        size = self.file_bytes()
        return pb.StatusResponse(
            header=self.header(revision),
            version=ETCD_VERSION,
            dbSize=size,
            dbSizeInUse=size,
            leader=self.member_id,
            raftIndex=revision,
            raftAppliedIndex=revision,
            raftTerm=_TERM,
        )
