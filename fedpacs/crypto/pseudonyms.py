"""Keyed pseudonyms: new UIDs, patient codes, identifiers and date shifts, without any table.

Each is HMAC-SHA-256 of the project key over (purpose, old value), every part preceded by its
length, so no two purposes or values can be mistaken for one another. The same patient stays the
same patient across series, studies, workers and re-runs; under another key nothing can be linked;
without the key nothing can be undone or tried out.

References
----------
RFC 2104; RFC 9562 5.8; PS3.5 B.2; PS3.15 E.3.9 (UIDs) and E.3.6 (modified dates); GDPR Art. 4(5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from typing import Protocol

from fedpacs.crypto.errors import EmptyIdentityError
from fedpacs.crypto.keys import check_strength

MAXIMUM_SHIFT_WEEKS = 261
"""Five years."""
_DOMAIN = b"fedpacs pseudonym v1"
_BASE32_BYTES = 10
_UUID_MASK = ~((0xF << 76) | (0x3 << 62))
_UUID_VERSION_8 = (0x8 << 76) | (0x2 << 62)


class Pseudonyms(Protocol):
    """What an engine asks for new identities: the keyed pseudonyms here, or a vault's codes.

    The same old value gives the same new one; what is empty raises `EmptyIdentityError`.
    `Pseudonymiser` says what each method takes and gives.
    """

    def uid(self, old: str) -> str:
        """Give the new UID of an old one."""

    def patient(self, old_patient_id: str) -> str:
        """Give the patient's pseudonym."""

    def identifier(self, purpose: str, old: str) -> str:
        """Give a new identifier, such as an accession number."""

    def shift_days(self, old_patient_id: str) -> int:
        """Give the days to add to every date of one patient."""


class Pseudonymiser:
    """Makes the pseudonyms of one project.

    Parameters
    ----------
    project_key
        32 random bytes or more. It never leaves the site.

    Raises
    ------
    KeyWeakError
        If the key is short or not random.
    """

    __slots__ = ("_keyed",)

    def __init__(self, project_key: bytes) -> None:
        check_strength(project_key, "The project key")
        self._keyed = hmac.new(project_key, _part(_DOMAIN), hashlib.sha256)

    def uid(self, old: str) -> str:
        """Give the new UID of an old one.

        Parameters
        ----------
        old
            UID of a study, series, instance or frame of reference; trailing padding is ignored.

        Returns
        -------
        str
            ``2.25.`` and the decimal form of a version 8 UUID: 122 bits of the HMAC, at most 44
            characters. A UID that an archive made from a random UUID (version 4) is never
            mistaken for one of ours.

        Raises
        ------
        EmptyIdentityError
            If there is no old UID.
        """
        number = int.from_bytes(self._hmac("uid", "", old.strip(" \0"))[:16], "big")
        return f"2.25.{number & _UUID_MASK | _UUID_VERSION_8}"

    def patient(self, old_patient_id: str) -> str:
        """Give the patient's pseudonym.

        Parameters
        ----------
        old_patient_id
            Patient ID as decoded text. Leading and trailing blanks mean nothing in DICOM
            (PS3.5 6.2, LO), and composed and decomposed accents are one and the same.

        Returns
        -------
        str
            ``P-`` and 16 base32 characters: 80 bits, so among a million patients two share a
            pseudonym with a probability of 4e-13.

        Raises
        ------
        EmptyIdentityError
            If there is no Patient ID.
        """
        return "P-" + _base32(self._hmac("patient", "", _normal(old_patient_id)))

    def identifier(self, purpose: str, old: str) -> str:
        """Give a new identifier, such as an accession number.

        Parameters
        ----------
        purpose
            What it identifies, for example ``accession-number``; the same old value gives
            unrelated identifiers for two purposes.
        old
            Old value; leading and trailing blanks are ignored.

        Returns
        -------
        str
            16 base32 characters, which fits the value representation SH.

        Raises
        ------
        EmptyIdentityError
            If there is no old value.
        """
        return _base32(self._hmac("identifier", purpose, _normal(old)))

    def shift_days(self, old_patient_id: str) -> int:
        """Give the days to add to every date of one patient.

        Whole weeks keep the day of the week, so weekday effects survive and an odd weekday does
        not give the shift away. Never zero, so no true date is left. Always into the past: a
        study in the future would be refused by software and give away the sign of its shift. One
        to 261 weeks, uniformly: the true week is one of 261, seasons and calendar years are
        mixed, and ages, vendors' software versions and protocols stay plausible.

        Parameters
        ----------
        old_patient_id
            As for `patient`.

        Returns
        -------
        int
            A multiple of 7 from -1827 to -7.

        Raises
        ------
        EmptyIdentityError
            If there is no Patient ID.
        """
        # 256 bits modulo 261: the bias is far below 1e-70.
        number = int.from_bytes(self._hmac("date-shift", "", _normal(old_patient_id)), "big")
        return -7 * (1 + number % MAXIMUM_SHIFT_WEEKS)

    def __repr__(self) -> str:
        return "Pseudonymiser()"

    def _hmac(self, kind: str, purpose: str, old: str) -> bytes:
        if not old:
            raise EmptyIdentityError(f"There is no value to make a pseudonym ({kind}) of.")
        keyed = self._keyed.copy()
        for text in (kind, purpose, old):
            keyed.update(_part(text.encode("utf-8", "surrogatepass")))
        return keyed.digest()


def _part(content: bytes) -> bytes:
    return len(content).to_bytes(8, "big") + content


def _normal(old: str) -> str:
    return unicodedata.normalize("NFC", old).strip(" \0")


def _base32(digest: bytes) -> str:
    return base64.b32encode(digest[:_BASE32_BYTES]).decode("ascii")
