"""Documents inside a text value: markup, messages and encoded bytes that no text cleaning can read.

A report may carry a whole CDA document, an HL7 message or a base64 attachment in one value. Names
hide there in attributes and segments, so such a value is replaced as a whole.
"""

from __future__ import annotations

import re

_STARTS = ("{\\rtf", "MSH|", "MSH^", "%PDF", "PK\x03\x04", "data:", "BEGIN:")
_MARKUP = re.compile(r"[\s\ufeff]*<[A-Za-z!?/][^<>]*>")
_INSIDE = re.compile(
    r"<\?xml|<!DOCTYPE|<!\[CDATA|xmlns(?::\w+)?=|</\w+>|&#?\w{1,8};[^ ]*&#?\w{1,8};"
    r"|(?:^|[\r\n\s])PID\|\d?\||BEGIN:VCARD|\"resourceType\"|\"vr\"\s*:\s*\"[A-Z]{2}\"",
    re.IGNORECASE,
)
_MARKS = ("<", "&", "|", "=", '"', "BEGIN:")
"""None of what is looked for inside is without one of these."""
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{80,}={0,2}")
_SHORTEST, _DISTINCT = 12, 24


def holds_document(text: str) -> bool:
    """Tell whether a text value is a document of another format, or holds one.

    Parameters
    ----------
    text
        Decoded value of a text element.
    """
    if len(text) < _SHORTEST:
        return False
    return (
        text.lstrip().startswith(_STARTS)
        or _MARKUP.match(text) is not None
        or (any(mark in text for mark in _MARKS) and _INSIDE.search(text) is not None)
        or any(len(set(run)) >= _DISTINCT for run in _ENCODED.findall(text))
    )
