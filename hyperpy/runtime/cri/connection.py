"""The one place that knows grpclib: a channel to a CRI runtime's socket, with its errors turned into our own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.cri_api.containerd_grpc import EventsStub
from hyperpy.runtime.cri_api.containerd_pb2 import Happening, SubscribeRequest
from hyperpy.runtime.cri_api.cri_grpc import ImageServiceStub, RuntimeServiceStub
from hyperpy.runtime.endpoints import CRI_SOCKETS
from hyperpy.runtime.protocol import NoSuchContainer, RuntimeFailure, RuntimeUnavailable

CONNECT_S = 5.0
#: A sandbox waits for its network plugin; a stop adds its grace.
CALL_S = 120.0
#: containerd keeps what the CRI made under this name of its own.
NAMESPACE = "k8s.io"
#: What containerd says while it starts, with no code of its own.
_STARTING = "server is not initialized yet"
_HINT = "start it, or check that this user may use its socket"


class Unsupported(RuntimeFailure):
    """The runtime does not know this call."""


def socket_path(endpoint: str) -> str:
    """The socket of an endpoint (`unix:///run/x.sock` or a path); for `""` the first usual one that exists.

    Raises:
        RuntimeUnavailable: there is none, or the endpoint is no unix socket.
    """
    if not endpoint:
        found = next((path for path in CRI_SOCKETS if os.path.exists(path)), "")
        if not found:
            raise RuntimeUnavailable(
                f"no CRI runtime: none of {', '.join(CRI_SOCKETS)} exists; start containerd or CRI-O, name its socket "
                "with --container-runtime-endpoint, or use --container-runtime=embedded"
            )
        return found
    scheme, separator, path = endpoint.partition("://")
    if not separator:
        scheme, path = "unix", endpoint
    if scheme != "unix" or not path.startswith("/"):
        raise RuntimeUnavailable(
            f'the endpoint "{endpoint}" is no unix socket; write it as unix:///run/containerd/containerd.sock'
        )
    if not os.path.exists(path):
        raise RuntimeUnavailable(f"no CRI runtime at {path}: there is no such socket; start containerd or CRI-O")
    return path


class Connection:
    """A connection to one runtime, opened by `open`, closed by `close`. A broken one is made anew by the next call."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._channel: Channel | None = None
        self.path = ""

    async def open(self) -> api.VersionResponse:
        """Connect; returns what the runtime says of itself.

        Raises:
            RuntimeUnavailable: no CRI answers there.
        """
        self.path = socket_path(self._endpoint)
        self._channel = Channel(path=self.path)
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self.call(self.runtime.Version, api.VersionRequest())
        except Unsupported as error:
            self.close()
            raise RuntimeUnavailable(
                f"what listens at {self.path} speaks no CRI v1 ({error}); containerd must be 1.6 or newer, with "
                '"cri" not in disabled_plugins of its config.toml'
            ) from error
        except (RuntimeFailure, TimeoutError) as error:
            self.close()
            text = str(error) or f"nothing within {CONNECT_S:.0f} s"
            raise RuntimeUnavailable(f"the CRI runtime at {self.path} does not answer ({text}); {_HINT}") from error

    def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            channel.close()

    @property
    def runtime(self) -> RuntimeServiceStub:
        """The calls about sandboxes and containers."""
        return RuntimeServiceStub(self._open_channel)

    @property
    def image(self) -> ImageServiceStub:
        """The calls about images."""
        return ImageServiceStub(self._open_channel)

    async def call(self, method: Any, request: Any, *, timeout_s: float | None = CALL_S) -> Any:
        """Do one call.

        Args:
            timeout_s: None: as long as it takes.
        Raises:
            NoSuchContainer, Unsupported, RuntimeUnavailable, RuntimeFailure: what the runtime answers.
        """
        with _translated():
            return await method(request, timeout=timeout_s)

    async def cri_events(self) -> AsyncIterator[str]:
        """Ids of containers to which something happened, as the CRI tells them. Raises Unsupported."""
        with _translated():
            async with self.runtime.GetContainerEvents.open() as stream:
                await stream.send_message(api.GetEventsRequest(), end=True)
                async for event in stream:
                    yield event.container_id

    async def containerd_events(self) -> AsyncIterator[tuple[str, str]]:
        """Topics and ids of containers, as containerd itself tells them. Raises Unsupported."""
        filters = [f'namespace=={NAMESPACE},topic~="^/(tasks/(start|exit|oom)|containers/(create|delete))$"']
        metadata = {"containerd-namespace": NAMESPACE}
        with _translated():
            async with EventsStub(self._open_channel).Subscribe.open(metadata=metadata) as stream:
                await stream.send_message(SubscribeRequest(filters=filters), end=True)
                async for envelope in stream:
                    happening = Happening.FromString(envelope.event.value)
                    # The end of an exec has the container's id too, beside its own.
                    own = envelope.topic != "/tasks/exit" or happening.process_id == happening.container_id
                    if own:
                        yield envelope.topic, happening.container_id

    @property
    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise RuntimeUnavailable("the CRI runtime is not started")
        return self._channel


@contextmanager
def _translated() -> Iterator[None]:
    """grpclib's exceptions end here."""
    try:
        yield
    except GRPCError as error:
        text = (error.message or error.status.name).removeprefix("rpc error: ")
        if error.status is Status.NOT_FOUND:
            raise NoSuchContainer(text) from error
        if error.status is Status.UNIMPLEMENTED:
            raise Unsupported(text) from error
        if error.status is Status.UNAVAILABLE or _STARTING in text:
            raise RuntimeUnavailable(f"the CRI runtime does not answer: {text}") from error
        raise RuntimeFailure(text) from error
    except TimeoutError as error:
        raise RuntimeFailure(f"the CRI runtime did not answer within {CALL_S:.0f} s") from error
    except (OSError, StreamTerminatedError) as error:
        told = str(error) or type(error).__name__
        raise RuntimeUnavailable(f"the CRI runtime does not answer: {told}; {_HINT}") from error
