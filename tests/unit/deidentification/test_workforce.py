from __future__ import annotations

import os

from fedpacs.deidentification.workforce import Workforce


def begin() -> None:
    pass


def look_up(name: str) -> str:
    return os.environ.get(name, "")


def lost(name: str) -> str:
    return f"lost {name}"


def test_workers_have_the_environment_of_now(monkeypatch):
    """The server that they are forked from is older, and began with another one."""
    for value in ("one", "two"):
        monkeypatch.setenv("FEDPACS_TEST_WORD", value)
        assert list(Workforce(1, begin, (), look_up, lost).results(["FEDPACS_TEST_WORD"])) == [
            value
        ]
