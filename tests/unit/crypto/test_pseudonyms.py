"""Pseudonyms: published vectors, forms that DICOM accepts, and that nothing can be confused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from fedpacs.crypto.errors import EmptyIdentityError, KeyWeakError
from fedpacs.crypto.pseudonyms import Pseudonymiser

KEY = hashlib.sha256(b"fedpacs published test vector").digest()
OURS = Pseudonymiser(KEY)
THEIRS = Pseudonymiser(hashlib.sha256(b"another project").digest())
VALUES = st.text(min_size=1, max_size=80).filter(lambda s: s.strip(" \0"))
UIDS = st.from_regex(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,8})){1,5}", fullmatch=True)


def test_published_vectors():
    """Once a site has used its key these must never change: patients would come back as others."""
    assert KEY.hex() == "b3e09e5b67104580c5a994368ce9cefd1ec0a9d3971e0330c9531efd0ff4f1c8"
    assert OURS.uid("1.2.840.113619.2.55.3") == "2.25.268181182879021462083571070633021390468"
    assert OURS.patient("4711") == "P-JLAYPVP7OAGO3YS4"
    assert OURS.identifier("accession-number", "4711") == "LHPAPTAOSSNCZ2AY"
    assert OURS.shift_days("4711") == -658


def test_the_construction_is_hmac_sha256_over_length_prefixed_parts():
    parts = (b"fedpacs pseudonym v1", b"patient", b"", b"4711")
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    digest = hmac.digest(KEY, message, "sha256")
    assert OURS.patient("4711")[2:] == base64.b32encode(digest[:10]).decode()


@given(UIDS)
def test_new_uids_are_valid_and_always_the_same(old):
    new = OURS.uid(old)
    assert UID(new).is_valid
    assert len(new) <= 64
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", new)
    assert new == OURS.uid(old)
    assert new != old


@given(UIDS)
def test_new_uids_are_version_8_uuids(old):
    identity = uuid.UUID(int=int(OURS.uid(old).removeprefix("2.25.")))
    assert identity.variant == uuid.RFC_4122
    assert identity.version == 8


@given(VALUES)
def test_a_shift_is_whole_weeks_into_the_past_and_never_zero(patient):
    shift = OURS.shift_days(patient)
    assert shift % 7 == 0
    assert -1827 <= shift <= -7


def test_shifts_reach_their_whole_range_evenly():
    shifts = [OURS.shift_days(str(i)) for i in range(20_000)]
    assert min(shifts) == -1827
    assert max(shifts) == -7
    counts = [shifts.count(-7 * week) for week in range(1, 262)]
    assert sum((n - 20_000 / 261) ** 2 / (20_000 / 261) for n in counts) < 361  # chi2, p = 4e-5


@given(VALUES)
def test_identifiers_fit_their_value_representations(old):
    assert re.fullmatch(r"P-[A-Z2-7]{16}", OURS.patient(old))
    assert re.fullmatch(r"[A-Z2-7]{16}", OURS.identifier("accession-number", old))


@given(VALUES, VALUES)
def test_different_values_give_different_pseudonyms(a, b):
    same = a.strip(" \0") == b.strip(" \0")
    assert (OURS.uid(a) == OURS.uid(b)) is same


@given(VALUES)
def test_another_key_gives_unrelated_pseudonyms(old):
    assert OURS.uid(old) != THEIRS.uid(old)
    assert OURS.patient(old) != THEIRS.patient(old)
    assert OURS.identifier("x", old) != THEIRS.identifier("x", old)


def test_another_key_gives_unrelated_shifts():
    ours = [OURS.shift_days(str(i)) for i in range(200)]
    theirs = [THEIRS.shift_days(str(i)) for i in range(200)]
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) < 10


def test_purposes_do_not_run_into_values():
    assert OURS.identifier("ab", "c") != OURS.identifier("a", "bc")
    assert OURS.identifier("patient", "4711") != OURS.patient("4711")[2:]
    assert OURS.identifier("", "4711") != OURS.patient("4711")[2:]


@pytest.mark.parametrize("written", ["4711", " 4711", "4711 ", "4711\0", "  4711 \0"])
def test_padding_does_not_make_another_patient(written):
    assert OURS.patient(written) == OURS.patient("4711")
    assert OURS.shift_days(written) == OURS.shift_days("4711")


def test_composed_and_decomposed_accents_are_one_patient():
    assert OURS.patient("Mu\u0308ller") == OURS.patient("M\u00fcller")


def test_case_and_leading_zeros_do_make_another_patient():
    assert len({OURS.patient(p) for p in ("ab1", "AB1", "0ab1")}) == 3


@pytest.mark.parametrize("nothing", ["", " ", "\0", " \0 "])
def test_patients_without_an_id_do_not_become_one_patient(nothing):
    for make in (OURS.uid, OURS.patient, OURS.shift_days):
        with pytest.raises(EmptyIdentityError):
            make(nothing)
    with pytest.raises(EmptyIdentityError):
        OURS.identifier("accession-number", nothing)


def test_no_two_of_a_hundred_thousand_patients_share_a_pseudonym():
    assert len({OURS.patient(str(i)) for i in range(100_000)}) == 100_000


def test_a_weak_project_key_is_refused():
    for key in (b"", KEY[:31], bytes(32), b"secret" * 8):
        with pytest.raises(KeyWeakError):
            Pseudonymiser(key)


def test_repr_and_errors_hold_neither_key_nor_value():
    assert KEY.hex() not in repr(OURS)
    assert repr(OURS) == "Pseudonymiser()"
