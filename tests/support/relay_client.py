"""`python -m tests.support.relay_client SERVER USER PASSWORD PEER...`: ask a TURN server to relay to each peer.

It prints a JSON object: peers, and 0 if the server would relay to them, else its error code.
"""

import asyncio
import json
import sys

from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

_FIRST_CHANNEL = 0x4000


async def _answers(server: str, user: str, password: str, peers: list[str]) -> dict[str, int]:
    transport, _ = await create_turn_endpoint(asyncio.DatagramProtocol, (server, 3478), user, password)
    client = transport._TurnTransport__inner_protocol  # type: ignore[attr-defined]
    answers = {}
    for number, peer in enumerate(peers):
        try:
            await client.channel_bind(_FIRST_CHANNEL + number, (peer, 9))
            answers[peer] = 0
        except TransactionFailed as failure:
            answers[peer] = failure.response.attributes["ERROR-CODE"][0]
    transport.close()
    return answers


if __name__ == "__main__":
    server, user, password, *peers = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(_answers(server, user, password, peers))))
