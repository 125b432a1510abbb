"""A finding: a code and a place, never a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that the output should not hold, or lacks. It never holds a value.

    Attributes
    ----------
    code
        Stable identifier, for example ``deid.leak-name``.
    tag
        ``GGGG,EEEE`` of the attribute of the output; empty when it is about the whole file.
    """

    code: str
    tag: str = ""


def finding(code: str, tag: int = 0) -> Finding:
    """Give a finding by code and tag; 0 stands for the whole file."""
    return Finding(code, f"{tag >> 16:04x},{tag & 0xFFFF:04x}" if tag else "")
