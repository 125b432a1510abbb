"""One element before and after: what is wrong with it, and what it says must not be elsewhere.

The result depends on the bytes of the two elements and a small context only, so it is computed
once for all files that hold the same two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.attributes import (
    attribute_findings,
    is_number_vr,
    is_unlisted_code,
)
from fedpacs.deidentification.verification.decoding import is_decodable, texts
from fedpacs.deidentification.verification.evidence import (
    Evidence,
    add_cut,
    add_document,
    add_gone,
    add_values,
)
from fedpacs.deidentification.verification.finding import Finding, finding
from fedpacs.deidentification.verification.intervals import look_at_dates
from fedpacs.deidentification.verification.patterns import suspicious
from fedpacs.deidentification.verification.standard import (
    BULK_VRS,
    DATE_VRS,
    PLACEHOLDERS,
    TEXT_VRS,
)
from fedpacs.deidentification.verification.words import Shown, is_pseudonym, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedpacs.deidentification.verification.leaves import Leaf, Top

METHOD_CODES = 0x00120064
DOCUMENT = 0x00420011
_CODE_TAGS = frozenset({0x00080100, 0x00080102, 0x00080119, 0x00080120})
_MEANING = 0x00080104
_FROM_DICTIONARY = frozenset({_MEANING, 0x00620005})
_METHOD = 0x00120063
_OWN_METHOD = re.compile(r"FedPACS [a-z][a-z0-9-]{1,40} [0-9a-f]{1,12}")
_MAKERS = frozenset({0x00080070, 0x00081090, 0x00181020, 0x00181250, 0x00181251})
_RETAINED_UIDS = "113110"
_FULL_DATES = "113106"


class Context(NamedTuple):
    """What a comparison depends on besides the two elements.

    Attributes
    ----------
    options
        Codes of CID 7050 that are carried out.
    old_charset, new_charset
        Specific Character Set of the objects.
    creator
        Private creator of the output's element, if it is private.
    alone
        Whether there is no original to compare with.
    """

    options: frozenset[str]
    old_charset: bytes
    new_charset: bytes
    creator: bytes = b""
    alone: bool = False


class Text(NamedTuple):
    """A text of the output and where it stands."""

    tag: int
    shown: Shown
    from_dictionary: bool
    of_a_maker: bool


class Comparison:
    """What one pair of elements says. Identified; its ``repr`` says nothing.

    Attributes
    ----------
    texts, numbers
        What is to be searched in the output: texts, and whole numbers with their tags.
    uids
        Old UID and new UID, where both stand at the same place.
    shifts
        Tag, days between the new and the old date, and whether only the year was kept.
    dates
        Dates that the output may hold, as ``YYYYMMDD``.
    """

    __slots__ = ("dates", "evidence", "findings", "numbers", "shifts", "texts", "uids")

    def __init__(self) -> None:
        self.findings: set[Finding] = set()
        self.evidence: Evidence = Evidence()
        self.texts: list[Text] = []
        self.numbers: list[tuple[int, str]] = []
        self.uids: set[tuple[str, str]] = set()
        self.shifts: set[tuple[int, int, bool]] = set()
        self.dates: set[str] = set()

    def __repr__(self) -> str:
        return "Comparison()"

    def add(self, other: Comparison) -> None:
        """Take in another one."""
        self.evidence.add(other.evidence)
        if other.findings:
            self.findings |= other.findings
        if other.texts:
            self.texts += other.texts
        if other.numbers:
            self.numbers += other.numbers
        if other.uids:
            self.uids |= other.uids
        if other.shifts:
            self.shifts |= other.shifts
        if other.dates:
            self.dates |= other.dates


def compare(old: Top | None, new: Top | None, context: Context) -> Comparison:
    """Compare one top-level element, with all that it holds, before and after.

    Parameters
    ----------
    old, new
        The element in the original and in the output; None where it is missing.
    """
    result = Comparison()
    before = _values(old, context.old_charset)
    after = _values(new, context.new_charset)
    if old is not None:
        _gather(result.evidence, old, before, after, context)
    if new is not None:
        origins = _origins(old, new, before, after)
        for leaf in new.leaves:
            _look(result, leaf, after[leaf.where], origins(leaf.where), context)
        if new.tag != METHOD_CODES:
            result.findings.update(_code_findings(new, after, context.options))
    return result


def _values(top: Top | None, charset: bytes) -> dict[tuple[int, ...], list[str]]:
    return {} if top is None else {leaf.where: texts(leaf, charset) for leaf in top.leaves}


def _gather(
    evidence: Evidence,
    old: Top,
    before: dict[tuple[int, ...], list[str]],
    after: dict[tuple[int, ...], list[str]],
    context: Context,
) -> None:
    pool = _pool(after) if len(old.leaves) > 1 else {}
    for leaf in old.leaves:
        values = before[leaf.where]
        if not values and leaf.tag != DOCUMENT:
            continue
        now = after.get(leaf.where)
        if now != values and pool:
            found = pool.get(leaf.where[::2], ())
            if all(value in found for value in values):
                now = values  # the item moved
        same = now == values
        dates = leaf.vr in DATE_VRS and _FULL_DATES in context.options
        if not (dates or (same and _is_retained(leaf, context.options))):
            add_values(evidence, leaf.tag, leaf.vr, values)
        if leaf.vr == "PN":
            continue
        if same:
            _add_stayed(evidence, leaf.vr, values)
        elif now and _is_cleaned(leaf, now):
            add_cut(evidence, values, now)
        elif leaf.tag == DOCUMENT:
            add_document(evidence, leaf.value)
        else:
            add_gone(evidence, leaf.tag, leaf.vr, values)


def _origins(
    old: Top | None,
    new: Top,
    before: dict[tuple[int, ...], list[str]],
    after: dict[tuple[int, ...], list[str]],
) -> Callable[[tuple[int, ...]], list[str] | None]:
    """Give what tells the values before; items may have been left out, so that places moved."""
    counts = {leaf.where: leaf.value for leaf in old.leaves if leaf.vr == "SQ"} if old else {}
    moved = {
        leaf.where
        for leaf in new.leaves
        if leaf.vr == "SQ" and counts.get(leaf.where, leaf.value) != leaf.value
    }
    if not moved:
        return before.get
    pool = _pool(before)

    def origin(where: tuple[int, ...]) -> list[str] | None:
        if not any(where[:length] in moved for length in range(1, len(where), 2)):
            return before.get(where)
        now = after[where]
        return now if now and pool[where[::2]].issuperset(now) else []

    return origin


def _pool(after: dict[tuple[int, ...], list[str]]) -> dict[tuple[int, ...], set[str]]:
    pool: dict[tuple[int, ...], set[str]] = defaultdict(set)
    for where, values in after.items():
        pool[where[::2]].update(values)
    return pool


def _is_retained(leaf: Leaf, options: frozenset[str]) -> bool:
    return leaf.vr == "UI" and _RETAINED_UIDS in options


def _add_stayed(evidence: Evidence, vr: str, values: list[str]) -> None:
    folded = [value.casefold() for value in values]
    evidence.stayed.update(folded)
    if vr != "CS":
        evidence.stayed_texts.update(folded)


def _is_cleaned(leaf: Leaf, now: list[str]) -> bool:
    return leaf.vr in TEXT_VRS and not all(
        text.casefold() in PLACEHOLDERS or is_pseudonym(text) for text in now
    )


def _look(
    result: Comparison,
    leaf: Leaf,
    now: list[str],
    then: list[str] | None,
    context: Context,
) -> None:
    where, tag, vr = leaf.where, leaf.tag, leaf.vr
    if where[0] == METHOD_CODES:
        return
    if len(where) == 1 and leaf.creator != context.creator:
        leaf = leaf._replace(creator=context.creator)
    for code in attribute_findings(leaf, now, then, context.options):
        result.findings.add(finding(code, tag))
    if vr == "UI":
        if then is not None and len(then) == len(now):
            result.uids.update(zip(then, now, strict=True))
    elif vr in DATE_VRS:
        look_at_dates(result, tag, now, [] if context.alone else then)
    elif vr in TEXT_VRS or vr == "CS" or (vr in BULK_VRS and tag & 0x10000):
        _look_at_texts(result, leaf, now, context)
    elif is_number_vr(vr):
        result.numbers += [(tag, text) for text in now]


def _look_at_texts(result: Comparison, leaf: Leaf, now: list[str], context: Context) -> None:
    tag = leaf.tag
    charset = leaf.charset if leaf.charset is not None else context.new_charset
    if leaf.vr in TEXT_VRS and not is_decodable(leaf.value, charset):
        result.findings.add(finding("deid.undecodable-text", tag))
    from_dictionary = leaf.vr == "CS" or tag in _FROM_DICTIONARY
    for text in now:
        if tag == _METHOD and _OWN_METHOD.fullmatch(text):
            continue  # its digest may hold any number by chance
        result.texts.append(Text(tag, shown(text), from_dictionary, tag in _MAKERS))
        if leaf.vr == "CS" or tag in _CODE_TAGS or tag == _MEANING:
            continue
        if suspicious(text, is_sentence=tag not in _MAKERS):
            result.findings.add(finding("deid.suspicious-text", tag))


def _code_findings(
    new: Top, after: dict[tuple[int, ...], list[str]], options: frozenset[str]
) -> Iterator[Finding]:
    items: dict[tuple[int, ...], dict[int, str]] = defaultdict(dict)
    for leaf in new.leaves:
        if len(leaf.where) > 1:
            values = after[leaf.where]
            items[leaf.where[:-1]][leaf.tag] = "\\".join(values)
    for place, item in items.items():
        if is_unlisted_code(item, options):
            yield finding("deid.unlisted-code", place[-2])
