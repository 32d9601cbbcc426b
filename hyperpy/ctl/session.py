"""What a verb works with: the client, the namespace, the kinds. Made when first used."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from hyperpy.client import kubeconfig
from hyperpy.client.kubeconfig import ClusterAccess, KubeconfigError
from hyperpy.client.sync import SyncClient
from hyperpy.commands import UserError
from hyperpy.ctl.flags import CommandLine
from hyperpy.ctl.resources import Resources


class Session:
    """One run of `hyperpy ctl`.

    Args:
        line: its command line.
    """

    def __init__(self, line: CommandLine) -> None:
        self.flags = line.flags
        self.trailing = line.trailing

    @cached_property
    def access(self) -> ClusterAccess:
        """The server and the identity, from kubeconfig and flags."""
        server = self.flags.server
        try:
            access = kubeconfig.load(self.flags.kubeconfig or None, self.flags.context or None)
        except KubeconfigError as error:
            chosen = self.flags.kubeconfig or self.flags.context
            if chosen or not server or any(path.exists() for path in kubeconfig.candidates()):
                raise UserError(str(error)) from error
            access = ClusterAccess(server)
        return replace(access, server=server) if server else access

    @cached_property
    def client(self) -> SyncClient:
        """The client; `close` ends it."""
        return SyncClient(self.access)

    @cached_property
    def resources(self) -> Resources:
        """The kinds that the server has."""
        return Resources(lambda: self.client)

    @property
    def namespace(self) -> str:
        """Where objects live that name no namespace."""
        return self.flags.namespace or self.access.namespace or "default"

    def close(self) -> None:
        """Let go of the connection."""
        if "client" in self.__dict__:
            self.client.close()
