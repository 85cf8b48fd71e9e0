"""Say why no frame arrives although the browser opened its camera: there is no route from browser to server.

A browser that has no camera, or may not use it, never offers a connection. So an offer without a frame is about the
network, and the browser's own addresses ("candidates") tell which part of it.
"""

from collections.abc import Iterable


def no_route(candidates: Iterable[str], *, has_turn: bool) -> str:
    """Return what is wrong and what to do, in Markdown.

    Args:
        candidates: the browser's addresses, as WebRTC writes them, such as 'candidate:1 1 udp 99 10.0.0.5 51 typ host'.
        has_turn: whether a TURN server is set up.
    """
    what = "**No route to this server.** Your camera works, but its video doesn't reach this program."
    if not has_turn:
        return (
            f"{what} Your browser is in another network, or a firewall is between them: TURN is needed. Ask the person "
            "who runs this program to set up a TURN server (`docs/live.md`)."
        )
    if not any(" typ relay" in candidate for candidate in candidates):
        return (
            f"{what} A TURN server is set up, but your browser got no address from it. A firewall blocks it, or it "
            "refused the credentials. Ask the person who runs this program to check its ports and its secret "
            "(`docs/live.md`)."
        )
    return (
        f"{what} The TURN server answered your browser, but nothing came through it. Ask the person who runs this "
        "program whether it may relay to this machine (`allowed-peer-ip` in coturn's settings, `docs/deploy.md`)."
    )
