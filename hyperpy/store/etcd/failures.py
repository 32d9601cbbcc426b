"""What went wrong with a member of an etcd cluster, in a line for people that says what to do. Pure.

Source of etcd's texts: its `rpctypes`. The flags named are those of `hyperpy apiserver`, and of kube-apiserver.
"""

from __future__ import annotations

import socket
import ssl

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hyperpy.store.etcd.call import Lost
from hyperpy.store.etcd.errors import store_error
from hyperpy.store.protocol import StoreError, Unavailable

_CERTIFICATE = "give it one that its authority signed and that has not expired (--etcd-certfile, --etcd-keyfile)"
_EXPIRED = 10  # OpenSSL's numbers of what is wrong with a certificate
_OTHER_NAME = (62, 64)
#: What etcd says when a call was certainly not carried out, and will be if it is sent again.
_NOT_DONE = (
    "etcdserver: no leader",
    "etcdserver: leader changed",
    "etcdserver: too many requests",
    "etcdserver: revision of auth store is old",
)
#: What a person has to do about some of etcd's answers.
_REMEDIES = {
    "etcdserver: user name is empty": f"it wants to know the user by a client certificate: {_CERTIFICATE}",
    "etcdserver: permission denied": "grant the user that the client certificate names (CN) a role with readwrite "
    "permission on the prefix /registry/ and on the key compact_rev_key",
    "etcdserver: user name not found": "add a user with the name in the client certificate (CN): etcdctl user add",
    "etcdserver: invalid auth token": f"users are known by client certificates only: {_CERTIFICATE}",
    "etcdserver: authentication failed, invalid user ID or password": f"users are known by client certificates only: "
    f"{_CERTIFICATE}",
    "etcdserver: mvcc: database space exceeded": "compact and defragment it, then: etcdctl alarm disarm",
    "etcdserver: corrupt cluster": "a member's data is damaged: replace that member",
}


class Misconfigured(Unavailable):
    """The cluster will not serve us until somebody changes something; waiting does not help."""


# -- while connecting


def unreachable(error: Exception, *, host: str) -> Lost:
    """No connection came about."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _lost(_distrusted(error), final=True)
    if isinstance(error, ssl.SSLError):
        return _tls(error)
    if isinstance(error, socket.gaierror):
        return _lost(f"the name {host} cannot be resolved ({error.strerror}); check --etcd-servers and the name server")
    if isinstance(error, ConnectionRefusedError):
        return _lost("nothing listens there; start that member, or correct --etcd-servers")
    if isinstance(error, TimeoutError):
        return _lost("no connection within the time limit; is the member overloaded, stopped or behind a firewall?")
    if isinstance(error, ConnectionError):
        return _lost("it closed the connection at once; if it speaks no TLS, write http:// in --etcd-servers")
    return _lost(str(error) or type(error).__name__)


def _distrusted(error: ssl.SSLCertVerificationError) -> str:
    told = f"certificate verify failed: {error.verify_message}"
    if error.verify_code == _EXPIRED:
        return f"{told}; renew the member's certificate"
    if error.verify_code in _OTHER_NAME:
        return f"{told}; name the member in --etcd-servers as its certificate does, or make it one with this name"
    return f"{told}; --etcd-cafile must hold the authority that signed the member's certificate"


def _tls(error: ssl.SSLError) -> Lost:
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason or "decrypt" in reason):
        return _lost(f"it misses our client certificate or does not accept it ({reason}); {_CERTIFICATE}", final=True)
    if "wrong version number" in reason or "record layer failure" in reason:
        return _lost(f"it does not speak TLS ({reason}); write http:// in --etcd-servers", final=True)
    return _lost(f"TLS failed: {reason}")


def _lost(reason: str, *, final: bool = False) -> Lost:
    return Lost(reason, sent=False, final=final)


# -- once connected


def not_http2(data: bytes, *, secure: bool, greeted: bool) -> Lost:
    """It said something that is not HTTP/2."""
    if greeted or secure:
        return Lost("it broke the rules of HTTP/2", sent=True)
    if data.startswith(b"\x15\x03"):  # a TLS alert
        return _lost("it wants TLS; write https:// in --etcd-servers", final=True)
    return _lost("it does not speak HTTP/2, so it is no etcd; correct --etcd-servers", final=True)


def broken(error: Exception | None, *, secure: bool, greeted: bool) -> Lost:
    """The connection ended."""
    if isinstance(error, ssl.SSLError):
        told = _tls(error)
        return Lost(str(told), sent=greeted, final=told.final)
    if not greeted:
        hint = (
            "has it accepted our client certificate, if it asks for one?"
            if secure
            else "if it wants TLS, write https://"
        )
        return _lost(f"it closed the connection at once; {hint}")
    return Lost(f"the connection broke: {error}" if error else "it closed the connection", sent=True)


# -- what is done about it


def certainly_not_done(error: Exception) -> bool:
    """May a write be sent again after this?"""
    if isinstance(error, Lost):
        return not error.sent
    return isinstance(error, GRPCError) and error.message in _NOT_DONE


def passing(error: Exception) -> bool:
    """May a read do better at another member, or later?"""
    if isinstance(error, GRPCError):
        return error.status is Status.UNAVAILABLE or error.message in _NOT_DONE
    return isinstance(error, Lost | TimeoutError)


def final(error: Exception) -> bool:
    """Does it stay so until somebody changes something?"""
    return isinstance(error, Lost) and error.final


def text(error: Exception, endpoint: str) -> str:
    """A line about a member."""
    if isinstance(error, GRPCError):
        return f"etcd at {endpoint}: {error.message or error.status.name}"
    if isinstance(error, TimeoutError):
        return f"etcd at {endpoint} did not answer in time; is it overloaded, stopped or cut off?"
    return f"etcd at {endpoint} cannot be reached: {error}"


def answered(error: GRPCError, endpoint: str) -> StoreError:
    """A member's refusal, as the store says it."""
    remedy = _REMEDIES.get(error.message or "")
    if remedy is None:
        return store_error(error, endpoint)
    told = f"{text(error, endpoint)}; {remedy}"
    return Unavailable(told) if error.status is Status.RESOURCE_EXHAUSTED else Misconfigured(told)
