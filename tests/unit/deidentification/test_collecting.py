from __future__ import annotations

import gc

import pytest

from fedpacs.deidentification.collecting import seldom_collecting


def test_the_collector_is_as_before_afterwards():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(KeyError, match="True, True"), seldom_collecting():
        raise KeyError(gc.get_threshold()[0] > before[0], gc.get_freeze_count() > frozen)
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == frozen


def test_garbage_in_circles_is_still_found():
    class Node:
        alive = 0

        def __init__(self) -> None:
            Node.alive += 1
            self.itself = self

        def __del__(self) -> None:
            Node.alive -= 1

    with seldom_collecting():
        for _ in range(60_000):
            Node()
        assert Node.alive < 60_000
