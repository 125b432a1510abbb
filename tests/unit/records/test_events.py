"""Events: a closed vocabulary, in which there is no place for a name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from fedpacs.core.digest import canonical_json
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.records.errors import EventRefusedError
from fedpacs.records.events import Event, EventKind
from fedpacs.records.ledger import EntryRow
from fedpacs.records.vocabulary import FORMS

PSEUDONYMS = Pseudonymiser(hashlib.sha256(b"events").digest())
SAMPLES = {
    "whole number": 3,
    "finite number": 0.25,
    "SHA-256": "a" * 64,
    "patient pseudonym": PSEUDONYMS.patient("4711"),
    "UID pseudonym": PSEUDONYMS.uid("1.2.3"),
    "identifier pseudonym": PSEUDONYMS.identifier("accession-number", "1"),
    "SHA-256 or pseudonym": PSEUDONYMS.uid("1.2.3"),
    "code of a reason": "pacs.unreachable",
    "code of an approver in site.toml": "dpo",
    "version number": "0.1.0",
    "disclosure | cohort | egress | job": "egress",
    "train | evaluate": "train",
    "train | validation | test": "train",
}
EVERY_FIELD = [
    (kind, name) for kind, form in FORMS.items() for name in (*form.required, *form.optional)
]


def full(kind):
    form = FORMS[kind]
    return {name: SAMPLES[f.name] for name, f in (*form.required.items(), *form.optional.items())}


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_has_a_form_and_a_full_event_is_written_and_read_again(kind):
    event = Event(kind, full(kind))
    row = EntryRow.of(7, "2026-11-24T10:00:00.000000Z", event)
    assert row.read().event == event
    assert row.read().index == 7
    json.dumps(dataclasses.asdict(row.read()))


@pytest.mark.parametrize("kind", EventKind)
def test_optional_fields_may_be_left_out_and_required_ones_may_not(kind):
    required = {name: full(kind)[name] for name in FORMS[kind].required}
    Event(kind, required)
    for name in required:
        with pytest.raises(EventRefusedError):
            Event(kind, {key: value for key, value in required.items() if key != name})


IDENTIFYING = [
    "DOE^JANE",
    "Jane Doe",
    "jane",
    "19700101",
    "MRN-4711",
    "1.2.840.113619.2.55.3.604688119",
    generate_uid(prefix=None),
    "2.25." + "9" * 40,
    "2.25.0123",
    "Dr. Huber",
    "jane.doe@example.org",
    "/data/jane",
    "pacs.Jane-Doe",
    "jane.doe",
    "P-jane",
    "p-" + "A" * 16,
    "A" * 64,
    "a" * 63,
    "a" * 64 + "\n",
    "",
    None,
    True,
    b"DOE",
    ["DOE"],
    math.nan,
    math.inf,
    -1,
    2**53,
]


@pytest.mark.parametrize(("kind", "name"), EVERY_FIELD)
def test_no_field_of_any_kind_takes_what_could_identify(kind, name):
    form = FORMS[kind].required.get(name) or FORMS[kind].optional[name]
    approvers_code = {"jane"} if form.name == "code of an approver in site.toml" else set()
    numbers = {-1, 2**53} if form.name == "finite number" else set()
    for value in IDENTIFYING:
        if type(value) in (str, int) and value in approvers_code | numbers:
            continue  # a code of site.toml is chosen by the site; a number is a number
        with pytest.raises(EventRefusedError) as caught:
            Event(kind, {**full(kind), name: value})
        if isinstance(value, str) and len(value) > 3:
            assert value not in str(caught.value)


@given(st.sampled_from(EventKind), st.text(max_size=30), st.text(max_size=30))
def test_a_field_that_is_not_in_the_vocabulary_is_refused_without_repeating_it(kind, name, value):
    known = {*FORMS[kind].required, *FORMS[kind].optional}
    if name in known:
        return
    with pytest.raises(EventRefusedError) as caught:
        Event(kind, {**full(kind), name: value})
    assert str(caught.value) == f"An event {kind} has a field it does not know."


@given(st.text(max_size=80))
def test_text_of_any_kind_is_refused_for_a_study(text):
    with pytest.raises(EventRefusedError):
        Event.of(EventKind.STUDY_FOUND, study=text, instances=1)


@given(st.integers(0, 2**128 - 1))
def test_random_uuid_based_uids_of_archives_are_not_taken_for_pseudonyms(number):
    random_uuid = number & ~((0xF << 76) | (0x3 << 62)) | (4 << 76) | (2 << 62)
    with pytest.raises(EventRefusedError):
        Event.of(EventKind.STUDY_FOUND, study=f"2.25.{random_uuid}", instances=1)


@given(st.integers(0, 10**12).map(str))
def test_our_own_pseudonyms_are_always_taken(old):
    Event.of(EventKind.STUDY_FOUND, study=PSEUDONYMS.uid(old), instances=1)
    Event.of(EventKind.PATIENT_FORGOTTEN, patient=PSEUDONYMS.patient(old))


def test_an_event_cannot_be_changed_after_it_was_checked():
    fields = {"study": PSEUDONYMS.uid("1"), "instances": 1}
    event = Event(EventKind.STUDY_FOUND, fields)
    fields["study"] = "DOE^JANE"
    assert event.fields["study"] == PSEUDONYMS.uid("1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.kind = EventKind.STUDY_SEALED


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("DOE^JANE", {}), ("study-found", []), ("study-found", None), ("", {})],
)
def test_what_is_read_back_is_held_to_the_vocabulary(kind, fields):
    with pytest.raises(EventRefusedError):
        Event.parse(kind, fields)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"event":"agent-started","fields":{},"index":"0","time":"t","note":"DOE^JANE"}',
        '{"event":"agent-started", "fields":{},"index":0,"time":"t"}',
        '{"event":"agent-started","fields":{},"index":0,"time":"t","x":1}',
        '{"event":"agent-started","fields":{},"fields":{},"index":0,"time":"t"}',
    ],
)
def test_an_entry_that_the_book_would_not_have_written_is_not_read(body):
    with pytest.raises(EventRefusedError):
        EntryRow(0, body, bytes(32)).read()


def test_a_kind_given_as_text_is_the_kind():
    assert Event("agent-started", {}).kind is EventKind.AGENT_STARTED
    with pytest.raises(ValueError, match="not a valid"):
        Event("something-else", {})


def test_the_body_is_canonical():
    event = Event.of(EventKind.PAYLOAD_SENT, payload="b" * 64, bytes=10)
    body = EntryRow.of(0, "t", event).body
    assert body == canonical_json(json.loads(body)).decode()
