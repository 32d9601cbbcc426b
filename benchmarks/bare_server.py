"""What aiohttp itself costs: a TLS server that answers every request with 3 KB of prebuilt bytes.

usage: benchmarks/bare_server.py PORT CERTIFICATE KEY
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import uvloop
from aiohttp import web

BODY = b"x" * 3400


async def main() -> None:
    """Serve until ended."""
    port, certificate, key = sys.argv[1:]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=BODY, content_type="application/json")

    server = web.Server(answer)
    async with await asyncio.get_running_loop().create_server(server, "127.0.0.1", int(port), ssl=tls) as listening:
        await listening.serve_forever()


uvloop.run(main())
