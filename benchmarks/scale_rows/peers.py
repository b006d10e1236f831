"""Peers beside us: each runs in its own environment, is skipped with its reason, and does the same work."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers.run import PEERS, compared
from benchmarks.scale_rows.measure import Row


def rows() -> Iterator[Row]:
    """One row a peer."""
    for peer in PEERS:
        yield compared(peer)
