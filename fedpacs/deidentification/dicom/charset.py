"""Character sets: text out of bytes whatever the Specific Character Set says, without ever failing.

References
----------
PS3.5 6.1 (Support of Character Repertoires); PS3.3 C.12.1.1.2 (Specific Character Set).
"""

from __future__ import annotations

import logging
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import TEXT_VRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.dicom.elements import Element

_PADDING = " \0"
_SINGLE_VALUED = frozenset({"LT", "ST", "UR", "UT"})
_UNREADABLE = "\ufffd"
_NAME_DELIMITERS, _TEXT_DELIMITERS = {ord("^")}, {9, 10, 12, 13}
_PLAIN_CODECS = {
    "": "iso8859", "ISO_IR 6": "iso8859", "ISO_IR 100": "latin_1", "ISO_IR 101": "iso8859_2",
    "ISO_IR 144": "iso_ir_144", "ISO_IR 192": "UTF8",
}  # fmt: skip
"""Codecs of the sets that most objects have, as pydicom names them, whose import takes long."""


class Charset:
    """The character set of one level of a data set.

    Parameters
    ----------
    encodings
        Python codecs: the first is the initial one, the others may be switched to by ISO 2022
        escape sequences.
    """

    __slots__ = ("_ascii", "encodings")

    def __init__(self, encodings: Sequence[str]) -> None:
        self.encodings = tuple(encodings)
        self._ascii = len(self.encodings) == 1

    @staticmethod
    @lru_cache(maxsize=256)
    def of(value: bytes) -> Charset:
        """Give the character set that a value of Specific Character Set names.

        Unknown names are read as far as they can be: nothing that cannot be decoded is kept.
        """
        names = [name.strip(_PADDING) for name in value.decode("ascii", "replace").split("\\")]
        if len(names) == 1 and names[0] in _PLAIN_CODECS:
            return Charset((_PLAIN_CODECS[names[0]],))
        from pydicom.charset import convert_encodings

        with _quiet():
            try:
                return Charset(convert_encodings(names))
            except (LookupError, ValueError):
                return DEFAULT

    def decode(self, raw: bytes, vr: str) -> str:
        """Decode a value field as a whole, with its backslashes and without outer padding.

        Parameters
        ----------
        vr
            Decides whether the character set applies at all, and what resets it.
        """
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii").strip(_PADDING)
        if vr not in TEXT_VRS:
            return raw.decode("ascii", "replace").strip(_PADDING)
        return _decoded(raw, self.encodings, vr).strip(_PADDING)

    def __repr__(self) -> str:
        return f"Charset({self.encodings!r})"


@lru_cache(maxsize=4096)
def _decoded(raw: bytes, encodings: tuple[str, ...], vr: str) -> str:
    if len(encodings) == 1:
        try:
            return raw.decode(encodings[0])
        except (UnicodeDecodeError, LookupError):
            pass
    from pydicom.charset import decode_bytes

    delimiters = _NAME_DELIMITERS if vr == "PN" else _TEXT_DELIMITERS
    with _quiet():
        try:
            return decode_bytes(raw, encodings, delimiters)
        except (UnicodeDecodeError, LookupError, ValueError):
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("ascii", "replace")


class _quiet:  # noqa: N801 - a context manager of this module, used like a function
    """Keep pydicom from printing or logging values."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("pydicom")
        self._before = self._logger.disabled
        self._logger.disabled = True
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        self._logger.disabled = self._before


DEFAULT = Charset(("iso8859",))
"""ISO_IR 6, read with the upper half of Latin 1, which old devices use without saying so."""
UTF_8 = Charset(("utf-8",))


def text_of(element: Element | None, charset: Charset) -> str:
    """Give a value as text, with its backslashes; empty when there is none."""
    if element is None or element.items is not None:
        return ""
    return charset.decode(element.value, element.vr)


def values_of(element: Element | None, charset: Charset) -> list[str]:
    """Give the values of an element, each without its padding."""
    text = text_of(element, charset)
    if element is None or not text:
        return []
    if element.vr in _SINGLE_VALUED:
        return [text]
    return [value.strip(_PADDING) for value in text.split("\\")]
