"""Canonical bytes and SHA-256 digests: the one way anything is named by its content."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def canonical_json(value: Mapping[str, Any] | list[Any]) -> bytes:
    """Serialise to the same bytes on every machine.

    Keys are sorted, separators carry no blanks, text is UTF-8, NaN and infinities are refused
    (``ValueError``), in the spirit of RFC 8785.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_hex(content: bytes | memoryview) -> str:
    """SHA-256 of bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest_of(value: Mapping[str, Any] | list[Any]) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return sha256_hex(canonical_json(value))
