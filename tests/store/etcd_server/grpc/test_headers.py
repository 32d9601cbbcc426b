"""Header blocks, against hpack's own decoder."""

from __future__ import annotations

import random

import pytest
from hpack import Decoder, Encoder, NeverIndexedHeaderTuple

from hyperpy.store.etcd_server.grpc.frames import Broken
from hyperpy.store.etcd_server.grpc.headers import Headers


@pytest.mark.parametrize("seed", range(10))
def test_blocks_mean_the_same_whatever_came_before(seed: int) -> None:
    rng = random.Random(seed)
    encoder, plain, headers = Encoder(), Decoder(), Headers()
    for _ in range(200):
        fields = [
            (":method", "POST"),
            (":path", f"/service/{rng.randrange(3)}"),
            NeverIndexedHeaderTuple("authorization", "x" * rng.choice((3, 300))),
            ("grpc-timeout", f"{rng.choice((1, 1, 1, rng.randrange(10_000)))}m"),
        ]
        if rng.random() < 0.02:
            encoder.header_table_size = rng.choice((0, 100, 4096))
        block = encoder.encode(fields, huffman=rng.random() < 0.5)
        assert headers.decode(block) == dict(plain.decode(block))


@pytest.mark.parametrize("block", [b"\xff", b"\xbe", b"\x00\x7f", b"\x0f"], ids=["cut", "no entry", "string", "index"])
def test_a_block_that_cannot_be_read_breaks_the_connection(block: bytes) -> None:
    with pytest.raises(Broken):
        Headers().decode(block)
