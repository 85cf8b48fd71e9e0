"""What the page says when the camera works and the network doesn't."""

import pytest

from fer.ui.live.route import no_route

HOST = "candidate:1 1 udp 2113937151 10.0.0.5 51234 typ host generation 0"
RELAY = "candidate:9 1 udp 41885439 203.0.113.7 49170 typ relay raddr 0.0.0.0 rport 0"


@pytest.mark.parametrize(
    ("candidates", "has_turn", "says"),
    [
        ([HOST], False, "TURN is needed"),
        ([], False, "TURN is needed"),
        ([HOST], True, "got no address from it"),
        ([], True, "got no address from it"),
        ([HOST, RELAY], True, "nothing came through it"),
    ],
)
def test_each_cause_has_its_sentence(candidates: list[str], has_turn: bool, says: str) -> None:
    sentence = no_route(candidates, has_turn=has_turn)
    assert sentence.startswith("**No route to this server.**")
    assert [words for words in ("TURN is needed", "got no address", "nothing came through") if words in sentence] == [
        says.removesuffix(" from it").removesuffix(" it")
    ]
