"""What the files of one series have in common, compared and searched once."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.decoded import (
    TextIndex,
    number_findings,
    text_findings,
    wanted_numbers,
)
from fedpacs.deidentification.verification.decoding import codecs_of, texts
from fedpacs.deidentification.verification.evidence import add_bytes, add_gone, add_values
from fedpacs.deidentification.verification.search import PREFIX_CHARACTERS, Matcher, Needle, Uid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.deidentification.verification.comparison import Comparison, Context
    from fedpacs.deidentification.verification.finding import Finding
    from fedpacs.deidentification.verification.parsed import Parsed

META_TEXTS = frozenset({0x00020016, 0x00020017, 0x00020018, 0x00020026, 0x00020102})
"""File meta information that names hosts or holds anything."""
_META_INSTANCE, _SOP_INSTANCE = 0x00020003, 0x00080018
_MATCHERS = 8
_TRAILING_BYTES = 1 << 20


class Settled:
    """The comparison of everything that the files of a series have in common."""

    def __init__(self, result: Comparison, context: Context) -> None:
        self.all = result
        self._codecs = codecs_of(context.old_charset)
        self.findings = frozenset(result.findings) | frozenset(
            (
                *text_findings(result.texts, result.evidence),
                *number_findings(result.numbers, wanted_numbers(result.evidence)),
            )
        )
        self._needles = {
            needle for needle in result.evidence.all_needles() if needle.text not in result.dates
        }
        self.markers: tuple[Finding, ...] | None = None
        self.carried_out: frozenset[str] = frozenset()
        self._wanted = wanted_numbers(result.evidence)
        self._texts = TextIndex(result.texts)
        self._starts: set[str] = set()
        self._matcher: Matcher | None = None
        self._matchers: OrderedDict[frozenset[Needle], Matcher] = OrderedDict()

    def search(self, rest: Comparison) -> Iterator[Finding]:
        """Search the file's own texts for everything, and the shared ones for its own values."""
        shared = self.all
        if rest.texts:
            yield from text_findings(rest.texts, shared.evidence)
        if rest.numbers:
            yield from number_findings(rest.numbers, self._wanted)
        if not rest.evidence.has_words():
            return
        yield from text_findings(rest.texts, rest.evidence)
        yield from self._texts.findings(rest.evidence)
        wanted = wanted_numbers(rest.evidence)
        yield from number_findings((*rest.numbers, *shared.numbers), wanted)

    def matcher(self, rest: Comparison) -> tuple[Matcher, tuple[Uid, ...]]:
        """Give the search through the bytes, and the UIDs of the file to add to it."""
        evidence = rest.evidence
        uids = tuple(evidence.uids - self.all.evidence.uids)
        own = evidence.needles_besides_uids()
        own = {needle for needle in own if needle.text not in rest.dates} - self._needles
        own -= evidence.texts_in(self.all.evidence)
        stayed = self.all.evidence.texts_in(evidence)
        if stayed or not rest.dates.isdisjoint(self.all.evidence.dates):
            needles = {needle for needle in self._needles if needle.text not in rest.dates}
            own |= {Needle(uid, "uid") for uid in evidence.uids} | (needles - stayed)
            return Matcher(own, self._codecs), ()
        if not own and self._matcher is not None and all(map(self._matcher.covers, uids)):
            return self._matcher, tuple(map(Uid.of, uids))
        if own or any(len(uid) < PREFIX_CHARACTERS for uid in uids):
            return self._of_one_file(frozenset(own | {Needle(uid, "uid") for uid in uids})), ()
        self._starts |= {uid[:PREFIX_CHARACTERS] for uid in uids}
        self._matcher = Matcher(self._needles, self._codecs, self._starts)
        return self._matcher, tuple(map(Uid.of, uids))

    def _of_one_file(self, own: frozenset[Needle]) -> Matcher:
        matcher = self._matchers.get(own)
        if matcher is None:
            matcher = self._matchers[own] = Matcher(own | self._needles, self._codecs)
            if len(self._matchers) > _MATCHERS:
                self._matchers.popitem(last=False)
        return matcher


def header_of(parsed: Parsed) -> bytes:
    """Give every byte of a file that is no bulk data; of a deflated one also as inflated."""
    parts = []
    position = 0
    for extent in sorted(parsed.extents.values(), key=lambda extent: extent.start):
        head = parsed.head[position : extent.start]
        if len(head) < extent.start - position:
            head = os.pread(parsed.descriptor, extent.start - position, position)
        parts.append(head)
        position = extent.end
    if position < parsed.size:
        parts.append(os.pread(parsed.descriptor, parsed.size - position, position))
    if parsed.inflated:
        parts.append(os.pread(parsed.twin, _TRAILING_BYTES, 0))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def add_file(result: Comparison, old: Parsed) -> None:
    """Add what the original says outside of its data set."""
    add_bytes(result.evidence, old.preamble)
    for tag in META_TEXTS & old.meta.keys():
        leaf = old.meta[tag].leaves[0]
        add_gone(result.evidence, tag, leaf.vr, texts(leaf, b""))


def add_meta_uid(result: Comparison, old: Parsed) -> None:
    """Add the instance that the original's file meta information names, if it is another one."""
    top = old.meta.get(_META_INSTANCE)
    if top is not None and top.leaves[0].value != old.value(_SOP_INSTANCE):
        add_values(result.evidence, top.tag, "UI", texts(top.leaves[0], b""))
