"""Whether a CRI runtime could run the pods of a node: `auto` asks before it chooses one."""

from __future__ import annotations

import asyncio
import threading

from hyperpy.runtime.cri.connection import Connection
from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.protocol import RuntimeFailure, RuntimeUnavailable

ANSWER_S = 2.0


def why_not(endpoint: str) -> str:
    """Why the runtime there cannot be used; `""` when it can. Blocks for a moment; works beside a running loop."""
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(asyncio.run(_ask(endpoint))), name="cri/probe")
    thread.start()
    thread.join()
    return answers[0]


async def _ask(endpoint: str) -> str:
    connection = Connection(endpoint)
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.open()
            answer = await connection.call(connection.runtime.Status, api.StatusRequest())
    except TimeoutError:
        return f"it does not answer within {ANSWER_S:.0f} s"
    except (RuntimeUnavailable, RuntimeFailure) as error:
        return str(error)
    finally:
        connection.close()
    # A containerd that only serves Docker has no network plugin: pods would never get an address.
    return "; ".join(condition.message for condition in answer.status.conditions if not condition.status)
