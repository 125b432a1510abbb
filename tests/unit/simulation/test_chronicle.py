from __future__ import annotations

import pytest

from fedpacs.core.cohort import Cohort
from fedpacs.records.events import Event, EventKind
from fedpacs.simulation.chronicle import _road
from fedpacs.simulation.report_facts import SegFacts

DIGEST = "a" * 64


@pytest.mark.parametrize(("stored", "found"), [(True, True), (True, False), (False, False)])
def test_a_result_counts_as_found_only_when_the_pacs_names_it(stored, found):
    asked = SegFacts("aurora", "", "", "", (), 0, 0, "PACS", stored, found, DIGEST)
    booked = [Event.of(EventKind.AGENT_STARTED, process=1)]
    road = _road(booked, booked, Cohort(DIGEST, ()), asked)
    assert (road.results_stored, road.results_found) == (int(stored), int(found))
