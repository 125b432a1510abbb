from __future__ import annotations

import re
from collections import Counter

import pytest

from fedpacs.cli.document import errors
from fedpacs.core.errors import FedpacsError

ERRORS = errors()
PREFIXES = {
    "cli": ("usage.", "fedpacs.", "machine.", "deid.", "agent."),
    "core": ("",),
    "deidentification": ("deid.",),
}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_has_a_name_a_code_a_sentence_a_next_step_and_a_status(kind):
    assert kind.__name__.endswith("Error")
    assert re.fullmatch(r"[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*)+", kind.code)
    assert (kind.__doc__ or "").strip().partition("\n")[0].endswith(".")
    assert kind.default_hint.strip()
    assert 0 < kind.exit_status < 128 or kind.exit_status in {130, 143}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_a_code_begins_with_the_package_it_comes_from_or_with_its_parents(kind):
    package = kind.__module__.split(".")[1]
    allowed = PREFIXES.get(package, (f"{package}.",))
    parent = kind.__mro__[1]
    inherited = () if parent is Exception else (parent.code.partition(".")[0] + ".",)
    assert kind.code.startswith((*allowed, *inherited))


def test_no_two_errors_share_a_code():
    twice = [code for code, times in Counter(kind.code for kind in ERRORS).items() if times > 1]
    assert twice == []


def test_one_band_per_subtree():
    for kind in ERRORS:
        root = next(k for k in kind.__mro__ if k is FedpacsError or FedpacsError in k.__bases__)
        if kind.__module__ != "fedpacs.cli.faults":
            assert root.exit_status <= kind.exit_status < root.exit_status + 5, kind.__name__
