"""SPDY/3.1 frames."""

import struct
import zlib

import pytest

from hyperpy.components.apiserver.streams import spdy
from hyperpy.components.apiserver.streams.spdy import Data, Decoder, Encoder, GoAway, Ping, Reset, Syn


def test_the_dictionary_is_the_one_of_the_specification():
    assert zlib.adler32(spdy._DICTIONARY) == 0xE3C6A7C2


def test_frames_come_back_as_they_were_made():
    encoder = Encoder()
    wire = (
        encoder.syn(1, {"streamType": "data", "port": "80"})
        + encoder.data(1, b"hello")
        + encoder.data(1, b"", fin=True)
        + encoder.syn(3, {"streamType": "error"}, fin=True)
        + encoder.reset(3, status=1)
        + encoder.ping(7)
        + encoder.go_away(3)
    )
    assert list(Decoder().feed(wire)) == [
        Syn(1, {"streamtype": "data", "port": "80"}),
        Data(1, b"hello"),
        Data(1, b"", fin=True),
        Syn(3, {"streamtype": "error"}, fin=True),
        Reset(3, 1),
        Ping(7),
        GoAway(3),
    ]


def test_bytes_may_come_one_by_one():
    encoder, decoder = Encoder(), Decoder()
    wire = encoder.syn(1, {"a": "b"}) + encoder.data(1, b"xyz", fin=True) + encoder.reply(1) + encoder.ping(2)
    frames = [frame for i in range(len(wire)) for frame in decoder.feed(wire[i : i + 1])]
    assert frames == [Syn(1, {"a": "b"}), Data(1, b"x"), Data(1, b"y"), Data(1, b"z", fin=True), Ping(2)]


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(struct.pack(">HHI", 0x8002, 1, 10) + bytes(10), id="SPDY/2"),
        pytest.param(struct.pack(">HHI", 0x8003, 1, 1 << 20), id="endless control frame"),
        pytest.param(struct.pack(">HHI", 0x8003, 1, 2) + b"ab", id="cut short"),
        pytest.param(struct.pack(">HHI", 0x8003, 1, 20) + bytes(20), id="headers that do not unpack"),
        pytest.param(struct.pack(">HHI", 0x8003, 6, 1) + b"a", id="short ping"),
    ],
)
def test_what_is_not_spdy_is_refused(wire):
    with pytest.raises(spdy.ProtocolError):
        list(Decoder().feed(wire))


def test_a_header_block_that_unpacks_to_much_more_is_refused():
    encoder = Encoder()
    with pytest.raises(spdy.ProtocolError, match="too long"):
        list(Decoder().feed(encoder.syn(1, {"a": "x" * 1_000_000})))
