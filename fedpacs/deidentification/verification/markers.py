"""What the output says of itself: markers, file meta information, preamble, name, length.

References
----------
PS3.15 E.1.1; PS3.3 C.12.1.1 and C.7.6.1 (Burned In Annotation, Recognizable Visual Features);
PS3.10 7.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.decoding import texts
from fedpacs.deidentification.verification.finding import Finding, finding
from fedpacs.deidentification.verification.standard import is_standard_uid, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.deidentification.verification.parsed import Parsed

METHOD_CODES = 0x00120064
_REMOVED, _METHOD = 0x00120062, 0x00120063
_TEMPORAL = 0x00280303
_BURNED_IN, _VISUAL_FEATURES = 0x00280301, 0x00280302
_CHARSET = 0x00080005
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_META_LENGTH, _META_VERSION = 0x00020000, 0x00020001
_META_CLASS, _META_INSTANCE = 0x00020002, 0x00020003
_META_SYNTAX, _META_IMPLEMENTATION = 0x00020010, 0x00020012
_DOCUMENT = 0x00420011
_CODE_VALUE = 0x00080100
_BASIC = "113100"
_OPTION_CODES = frozenset(str(code) for code in range(113100, 113113))
_CLEAN_PIXELS, _CLEAN_FEATURES = "113101", "113102"
_BY_OBJECT = frozenset({_CLEAN_PIXELS, _CLEAN_FEATURES, "113103", "113104"})
"""Options that have something to do in some objects only."""
_FULL_DATES, _MODIFIED_DATES = "113106", "113107"
_PREAMBLE_BYTES = 128
MARKERS = frozenset(
    {METHOD_CODES, _REMOVED, _METHOD, _TEMPORAL, _BURNED_IN, _VISUAL_FEATURES, _DOCUMENT}
)
"""What these findings depend on besides the options."""
_UNKNOWN_SYNTAX = ""


def declared(parsed: Parsed) -> frozenset[str]:
    """Give the codes of CID 7050 that an object declares."""
    top = parsed.get(METHOD_CODES)
    if top is None:
        return frozenset()
    values = {
        text
        for leaf in top.leaves
        if leaf.tag == _CODE_VALUE and len(leaf.where) == 3  # noqa: PLR2004 - sequence, item, tag
        for text in texts(leaf, b"")
    }
    return frozenset(values) & _OPTION_CODES


def marker_findings(old: Parsed | None, new: Parsed, options: frozenset[str]) -> Iterator[Finding]:
    """Check that the markers say what is so.

    Parameters
    ----------
    old
        The original; None when there is none to compare with.
    options
        Codes of CID 7050 that were carried out.
    """
    codes = declared(new)
    temporal = new.text(_TEMPORAL)
    if (
        new.text(_REMOVED) != "YES"
        or not new.text(_METHOD)
        or _BASIC not in codes
        or temporal not in {"REMOVED", "MODIFIED", "UNMODIFIED"}
    ):
        yield Finding("deid.not-marked")
    if (temporal == "UNMODIFIED") != (_FULL_DATES in options):
        yield finding("deid.marker-false", _TEMPORAL)
    if _MODIFIED_DATES in options and _FULL_DATES not in options and temporal == "REMOVED":
        yield finding("deid.marker-false", _TEMPORAL)
    earlier = declared(old) if old else frozenset()
    missing = options - codes - _BY_OBJECT
    if codes - options - earlier or (missing & _OPTION_CODES and old is not None):
        yield finding("deid.method-codes", METHOD_CODES)
    yield from _picture_markers(old, new, options & codes)


def _picture_markers(
    old: Parsed | None, new: Parsed, carried_out: frozenset[str]
) -> Iterator[Finding]:
    for tag, code in ((_BURNED_IN, _CLEAN_PIXELS), (_VISUAL_FEATURES, _CLEAN_FEATURES)):
        said = new.text(tag)
        before = old.text(tag) if old else said
        if code in carried_out:
            if said == "YES":
                yield finding("deid.marker-false", tag)
        elif said == "NO" and before != "NO" and not _has_new_document(old, new):
            yield finding("deid.marker-false", tag)
        elif said != "NO" and tag == _BURNED_IN and before == "YES":
            yield finding("deid.burned-in", tag)


def _has_new_document(old: Parsed | None, new: Parsed) -> bool:
    """Tell whether there is no picture, and another document than before."""
    if old is None or new.extents or new.get(_DOCUMENT) is None:
        return False
    return old.value(_DOCUMENT) != new.value(_DOCUMENT)


_SUFFIX = re.compile(r"-[0-9a-f]{8}$")
"""Of the name of a second object under one UID."""


def file_findings(new: Parsed, stem: str) -> Iterator[Finding]:
    """Check the file itself: preamble, file meta information, name, length.

    Parameters
    ----------
    stem
        The file's name without its extension.
    """
    if len(new.preamble) != _PREAMBLE_BYTES or new.preamble.strip(b"\0"):
        yield Finding("deid.preamble")
    if _SUFFIX.sub("", stem) != new.text(_SOP_INSTANCE):
        yield Finding("deid.file-name")
    yield from _meta_findings(new)
    if new.damaged or new.end != new.size:
        yield Finding("deid.trailing-bytes")
    if new.duplicated:
        yield Finding("deid.duplicate-element")
    charset = new.text(_CHARSET)
    if charset and charset != "ISO_IR 192":
        yield finding("deid.charset", _CHARSET)


def _meta_findings(new: Parsed) -> Iterator[Finding]:
    values = {
        tag: top.leaves[0].value.decode("latin-1").strip(" \0") for tag, top in new.meta.items()
    }
    for tag in values.keys() - tags_of("meta"):
        yield finding("deid.file-meta", tag)
    if values.get(_META_CLASS) != new.text(_SOP_CLASS):
        yield finding("deid.file-meta", _META_CLASS)
    if values.get(_META_INSTANCE) != new.text(_SOP_INSTANCE):
        yield finding("deid.file-meta", _META_INSTANCE)
    if not is_standard_uid(values.get(_META_SYNTAX, _UNKNOWN_SYNTAX)):
        yield finding("deid.file-meta", _META_SYNTAX)
    if not values.get(_META_IMPLEMENTATION):
        yield finding("deid.file-meta", _META_IMPLEMENTATION)
    version = new.meta.get(_META_VERSION)
    if version is None or version.leaves[0].value != b"\0\1":
        yield finding("deid.file-meta", _META_VERSION)
    length = new.meta.get(_META_LENGTH)
    raws = [len(top.raw) for tag, top in new.meta.items() if tag != _META_LENGTH]
    if length is None or int.from_bytes(length.leaves[0].value, "little") != sum(raws):
        yield finding("deid.file-meta", _META_LENGTH)
