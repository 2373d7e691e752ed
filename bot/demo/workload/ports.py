"""Ports for the demo's servers that are told where to listen."""

import random
import socket
from typing import Final

_FROM_HERE: Final = range(24_000, 32_000)
"""Below the range of which the system gives a port to each client that connects: one of those is
lost easily between the moment it is chosen and the moment it is listened on."""


def free_port() -> int:
    """A port that nobody listens on; at random, so that two demos hardly choose the same."""
    while True:
        port = random.choice(_FROM_HERE)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
