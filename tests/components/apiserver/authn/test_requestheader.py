"""Front proxies: who may speak for others, and whom they name."""

import ssl

import pytest

from hyperpy.api.wire import UserInfo
from hyperpy.components.apiserver.authn import requestheader
from hyperpy.components.apiserver.authn.requestheader import Peer, Peers, RequestHeader
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.supervisor import StartFailure


class Connection:
    """A transport that knows the client certificate of a finished handshake."""

    def __init__(self, server, trusted, credentials):
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(server.cert_file, server.key_file)
        serving.verify_mode = ssl.CERT_OPTIONAL
        for file in trusted:
            serving.load_verify_locations(file)
        asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
        if credentials is not None:
            asking.load_cert_chain(credentials.cert_file, credentials.key_file)
        pipes = [ssl.MemoryBIO() for _ in range(4)]
        self.object = serving.wrap_bio(pipes[0], pipes[1], server_side=True)
        client = asking.wrap_bio(pipes[2], pipes[3])
        pending = [client, self.object]
        while pending:
            for side in list(pending):
                try:
                    side.do_handshake()
                    pending.remove(side)
                except ssl.SSLWantReadError:
                    pass
                pipes[0].write(pipes[3].read())
                pipes[2].write(pipes[1].read())

    def get_extra_info(self, name):
        return {"ssl_object": self.object, "peercert": self.object.getpeercert()}[name]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def server(pki):
    return pki.server("s", title="s", hosts=["x"])


def peer(pki, server, credentials, settings, *, shared=False):
    peers = Peers(settings, client_authorities=settings.ca_file.read_bytes() if shared else pki.ca_pem)
    return peers.of(Connection(server, (pki.ca_file, pki.front_proxy_ca_file), credentials))


def test_a_proxy_speaks_for_others_and_is_no_user(pki, server):
    settings = RequestHeader(pki.front_proxy_ca_file, ("front-proxy-client",))
    assert peer(pki, server, pki.front_proxy(), settings) == Peer(None, True)


def test_a_proxy_of_another_name_speaks_for_nobody(pki, server):
    assert peer(pki, server, pki.front_proxy(), RequestHeader(pki.front_proxy_ca_file, ("x",))) == Peer(None, False)


def test_without_names_every_proxy_of_the_authority_may(pki, server):
    assert peer(pki, server, pki.front_proxy(), RequestHeader(pki.front_proxy_ca_file)).speaks_for_others


def test_a_user_is_a_user_and_speaks_for_nobody(pki, server):
    ann = pki.client("ann", user="ann", groups=["devs"])
    found = peer(pki, server, ann, RequestHeader(pki.front_proxy_ca_file))
    assert found == Peer(UserInfo("ann", ("devs", "system:authenticated")), False)


def test_nobody_is_nobody(pki, server):
    assert peer(pki, server, None, RequestHeader(pki.front_proxy_ca_file)) == Peer()


def test_an_authority_of_the_same_name_is_not_the_proxies_own(pki, server, tmp_path):
    other = Pki(tmp_path)  # its authorities have the same names, and other keys
    assert peer(pki, server, pki.front_proxy(), RequestHeader(other.front_proxy_ca_file)) == Peer(
        UserInfo("front-proxy-client", ("system:authenticated",)), False
    )


def test_an_authority_of_users_and_proxies_gives_both(pki, server):
    ann = pki.client("ann", user="ann", groups=["devs"])
    settings = RequestHeader(pki.ca_file, ("front-proxy-client",))
    found = peer(pki, server, ann, settings, shared=True)
    assert (found.user.name, found.speaks_for_others) == ("ann", False)


def test_an_authority_that_is_none_is_told(tmp_path):
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(StartFailure, match="--requestheader-client-ca-file: cannot use"):
        Peers(RequestHeader(tmp_path / "ca"), client_authorities=b"")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        ([("X-Remote-User", "")], None),
        ([("x-remote-user", "ann")], UserInfo("ann", ("system:authenticated",))),
        (
            [("X-Remote-User", "ann"), ("X-Remote-Uid", "7"), ("X-Remote-Group", "a"), ("X-Remote-Group", "b")],
            UserInfo("ann", ("a", "b", "system:authenticated"), "7"),
        ),
        (
            [("X-Remote-User", "ann"), ("X-Remote-Extra-Example.com%2Fscope", "1"), ("x-remote-extra-b", "2")],
            UserInfo("ann", ("system:authenticated",), "", {"example.com/scope": ("1",), "b": ("2",)}),
        ),
    ],
)
def test_whom_headers_name(headers, expected):
    assert requestheader.user(RequestHeader(None), headers) == expected


def test_other_headers_may_be_agreed_on():
    settings = RequestHeader(None, (), ("X-A", "X-B"), (), ("X-Groups",), ())
    found = requestheader.user(settings, [("X-B", "bob"), ("X-Groups", "g"), ("X-Remote-Group", "no")])
    assert found == UserInfo("bob", ("g", "system:authenticated"))
