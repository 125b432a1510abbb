"""Documents inside a text value: markup, messages and encoded bytes that no text cleaning can read.

A report may carry a whole CDA document, an HL7 message or a base64 attachment in one value. Names
hide there in attributes and segments, so such a value is replaced as a whole.
"""

from __future__ import annotations

import re

_STARTS = (
    b"<",
    b"{\\rtf",
    b"MSH|",
    b"MSH^",
    b"%PDF",
    b"PK\x03\x04",
    b"data:",
    b"BEGIN:",
    b"\xef\xbb\xbf<",
)
_INSIDE = re.compile(
    rb"<\?xml|<!DOCTYPE|<!\[CDATA|xmlns(?::\w+)?=|</\w+>|&#?\w{1,8};[^ ]*&#?\w{1,8};"
    rb"|\rPID\||\nPID\||\bPID\|\d?\||BEGIN:VCARD|\"resourceType\"",
    re.IGNORECASE,
)
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{80,}={0,2}")
_SHORTEST_BYTES = 12


def holds_document(value: bytes) -> bool:
    """Tell whether a text value is a document of another format, or holds one.

    Parameters
    ----------
    value
        Value field of a text element, in any character set that agrees with ASCII.
    """
    if len(value) < _SHORTEST_BYTES:
        return False
    stripped = value.lstrip(b" \0\r\n\t")
    return (
        (stripped.startswith(_STARTS) and (stripped[:1] != b"<" or b">" in stripped))
        or _INSIDE.search(value) is not None
        or _ENCODED.search(value) is not None
    )
