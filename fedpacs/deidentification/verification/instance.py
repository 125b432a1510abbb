"""The independent verification: finds what the engine should not have left, and says it in codes.

It shares no code with the engine. It reads both files anew, takes from the original every value
that had to go, and looks for it in the whole output. Besides, it checks every attribute of the
output against Table E.1-1 itself, and every text that stays against patterns.

What depends on the bytes of a pair of elements alone is computed once for all files that have
them in common, so that a slice of a series costs little more than the search through its bytes.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.comparison import (
    Comparison,
    Context,
    compare,
)
from fedpacs.deidentification.verification.consistency import date_findings, uid_findings
from fedpacs.deidentification.verification.evidence import add_bytes
from fedpacs.deidentification.verification.facts import Facts, facts_of
from fedpacs.deidentification.verification.finding import Finding
from fedpacs.deidentification.verification.leaves import block_of
from fedpacs.deidentification.verification.markers import (
    MARKERS,
    declared,
    file_findings,
    marker_findings,
)
from fedpacs.deidentification.verification.parsed import Parsed
from fedpacs.deidentification.verification.pixels import Buffers, bulk_findings, leak
from fedpacs.deidentification.verification.plain import add_plain, is_plain
from fedpacs.deidentification.verification.reader import Reader
from fedpacs.deidentification.verification.settled import (
    META_TEXTS,
    Settled,
    add_file,
    add_meta_uid,
    header_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fedpacs.deidentification.verification.leaves import Top

__all__ = ["Finding", "Verifier", "verify_instance"]

_CHARSET = 0x00080005
_SETTLED = 32
_PAIRS = 4_000
_REMEMBERED_BYTES = 1 << 16
_RETAINED_UIDS = "113110"
_DATE = Finding("deid.leak-date")
_UNREADABLE = Finding("deid.output-unreadable")
_TRAILING_BYTES = 1 << 20


def verify_instance(
    original: Path,
    deidentified: Path,
    options: Collection[str] | None = None,
    *,
    name: str | None = None,
) -> tuple[Finding, ...]:
    """Compare a de-identified file with its original.

    Parameters
    ----------
    original
        Identified file.
    deidentified
        What the engine made of it.
    options
        Codes of CID 7050 that the site's profile carries out; nothing else excuses a value that
        stayed. None takes those that the output declares and the original did not.
    name
        The name that the output is to get, without extension; None when it has it already.

    Returns
    -------
    tuple[Finding, ...]
        Empty when nothing was found. A file that cannot be read is a finding, too.

    Notes
    -----
    Every byte of the output is searched. Pixel data of more than 64 MiB that were not declared
    changed are compared with the original's in part, drawn by lot; a folder is verified in full.
    """
    return _thread.verifier.verify(original, deidentified, options, name)


class Examination(NamedTuple):
    """A file's findings, and what the files of a folder are compared by.

    Attributes
    ----------
    comparison
        UIDs and date shifts of the pair; None when it could not be compared.
    """

    findings: tuple[Finding, ...]
    facts: Facts | None = None
    comparison: Comparison | None = None


class Verifier:
    """Verifies files, and remembers what it has compared; for one thread.

    Parameters
    ----------
    thorough
        See `Buffers`: whether pixel data of more than 64 MiB are compared in full.
    """

    def __init__(self, *, thorough: bool = True) -> None:
        self._old_reader = Reader()
        self._new_reader = Reader(self._old_reader)
        self._pairs: dict[tuple[Top | None, Top | None, Context], Comparison] = {}
        self._settled: OrderedDict[tuple[object, ...], Settled] = OrderedDict()
        self._buffers = Buffers(thorough=thorough)

    def verify(
        self,
        original: Path,
        deidentified: Path,
        options: Collection[str] | None = None,
        name: str | None = None,
    ) -> tuple[Finding, ...]:
        """Compare a de-identified file with its original; see `verify_instance`."""
        return self.examine(original, deidentified, options, name=name, with_facts=False).findings

    def examine(
        self,
        original: Path | None,
        deidentified: Path,
        options: Collection[str] | None = None,
        *,
        name: str | None = None,
        with_facts: bool = True,
    ) -> Examination:
        """Verify a de-identified file, and keep what a folder is judged by.

        Parameters
        ----------
        original
            Identified file; None when there is none: then only what the output alone shows.
        deidentified, options, name
            See `verify_instance`.
        with_facts
            Whether to collect what a folder is judged by.
        """
        try:
            new = self._new_reader.read(deidentified)
        except Exception:  # noqa: BLE001 - an unreadable output is a finding, whatever made it so
            return Examination((_UNREADABLE,))
        old = None
        try:
            old = self._old_reader.read(original) if original is not None else None
            chosen = frozenset(options or ())
            if options is None:
                chosen = declared(new) - (declared(old) if old else frozenset())
            result = Comparison()
            stem = deidentified.stem if name is None else name
            found = set(self._findings((old, new), stem, chosen, result))
            facts = facts_of(new) if with_facts else None
        except Exception:  # noqa: BLE001 - what cannot be compared to its end is not verified
            return Examination((Finding("deid.not-verifiable"),))
        finally:
            new.close()
            if old is not None:
                old.close()
        if sum(one.code == _DATE.code for one in found) > 1:
            found.discard(_DATE)  # it is said where the date stands
        return Examination(tuple(sorted(found)), facts, result)

    def _findings(
        self,
        pair: tuple[Parsed | None, Parsed],
        stem: str,
        options: frozenset[str],
        known: Comparison,
    ) -> Iterator[Finding]:
        old, new = pair
        yield from file_findings(new, stem)
        alone = old is None
        if old is None:
            old = Parsed(-1, 0)
        charsets = old.value(_CHARSET) or b"", new.value(_CHARSET) or b""
        context = Context(options, *charsets, alone=alone)
        settled = self._settle(old, new, context)
        rest = self._rest(old, new, context)
        if settled.markers is None or not MARKERS.isdisjoint((*old.own, *new.own)):
            original = None if alone else old
            settled.markers = tuple(marker_findings(original, new, options))
            settled.carried_out = options & declared(new)
        yield from settled.markers
        known.uids = settled.all.uids | rest.uids
        known.shifts = settled.all.shifts | rest.shifts
        yield from settled.findings
        yield from rest.findings
        yield from uid_findings(known.uids, options)
        yield from date_findings(known.shifts, options)
        yield from settled.search(rest)
        matcher, extra = settled.matcher(rest)
        for kind in matcher.in_header(header_of(new), extra):
            yield leak(kind)

        def look(piece: bytearray, size: int) -> Iterator[str]:
            return matcher.in_bulk(piece, size, extra)

        origin = None if alone else old
        yield from bulk_findings(origin, new, look, settled.carried_out, self._buffers)

    def _settle(self, old: Parsed, new: Parsed, context: Context) -> Settled:
        """Compare what the file shares with its series, once for the series."""
        varying = frozenset(old.own) | frozenset(new.own)
        key = (old.layout, new.layout, varying, context, old.preamble, _meta_key(old))
        settled = self._settled.get(key)
        if settled is None:
            tags = {*old.layout.by_tag, *new.layout.by_tag} - varying
            result = Comparison()
            for tag in tags:
                result.add(self._pair(old, new, tag, context))
            add_file(result, old)
            settled = Settled(result, context)
            if old.layout.runs or context.alone:
                self._settled[key] = settled
                if len(self._settled) > _SETTLED:
                    self._settled.popitem(last=False)
        return settled

    def _rest(self, old: Parsed, new: Parsed, context: Context) -> Comparison:
        """Compare what is the file's own."""
        result = Comparison()
        same: list[Top] = []
        for tag in {*old.own, *new.own}:
            top = new.own.get(tag)
            if top is not None and old.own.get(tag) is top and is_plain(top, context.options):
                same.append(top)
            else:
                result.add(self._pair(old, new, tag, context))
        add_plain(result, same)
        if _RETAINED_UIDS not in context.options:
            add_meta_uid(result, old)
        if old.end < old.size:
            size = min(old.size - old.end, _TRAILING_BYTES)
            add_bytes(result.evidence, os.pread(old.descriptor, size, old.end))
        return result

    def _pair(self, old: Parsed, new: Parsed, tag: int, context: Context) -> Comparison:
        if tag & 0x10000 and (creator := new.value(block_of(tag))):
            context = context._replace(creator=creator)
        key = before, after, _ = old.get(tag), new.get(tag), context
        if max(len(top.raw) for top in (before, after) if top is not None) > _REMEMBERED_BYTES:
            return compare(*key)
        known = self._pairs.get(key)
        if known is None:
            if len(self._pairs) > _PAIRS:
                self._pairs.clear()
            known = self._pairs[key] = compare(*key)
        return known


def _meta_key(old: Parsed) -> tuple[bytes, ...]:
    return tuple(top.raw for tag, top in old.meta.items() if tag in META_TEXTS)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.verifier = Verifier(thorough=False)


_thread = _Thread()
