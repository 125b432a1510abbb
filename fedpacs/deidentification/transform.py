"""The transformation: every attribute at every depth gets its one rule.

What becomes of a top-level element depends on its bytes and its setting alone, so it is remembered:
the slices of a series differ in a few elements only. What no rule keeps is never taken apart, so
damage in it does no harm; a sequence that should stay and cannot be read is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core import dictionary
from fedpacs.core.ps315 import Action
from fedpacs.deidentification.codes import (
    CODE_MEANING,
    CODE_TAGS,
    Wording,
    holds_code,
    removed_code,
    rewritten_code,
)
from fedpacs.deidentification.dicom.charset import UTF_8, Charset, text_of
from fedpacs.deidentification.dicom.elements import Element, is_private
from fedpacs.deidentification.dicom.encoding import encode_element
from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.dicom.parsing import PIXEL_TAGS
from fedpacs.deidentification.dicom.syntax import vr_of
from fedpacs.deidentification.errors import DamagedObjectError
from fedpacs.deidentification.private import PrivateBlocks, as_listed
from fedpacs.deidentification.rules import vr_fits
from fedpacs.deidentification.setting import Setting
from fedpacs.deidentification.structured.bulk import is_bulk, kept_bulk
from fedpacs.deidentification.structured.content import item_rules
from fedpacs.deidentification.values import cleaned_text, dummy, new_element

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject, RawElement
    from fedpacs.deidentification.dicom.syntax import Encoding
    from fedpacs.deidentification.rules import Rule
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_MAXIMUM_DEPTH = 64
_SEGMENT_NUMBER = 0x00620004
_SEGMENT_LABEL = 0x00620005
_SEGMENTED_PROPERTY_TYPE = 0x0062000F
_CHARSET = 0x00080005
MARKERS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303, _CHARSET})
"""Attributes that the engine writes itself."""
_MEMORY_BYTES = 2 << 20
_MEMORABLE_BYTES = 1 << 16
_MEMORABLE_RULES = 4096


class Transformation:
    """A profile applied to the objects of one patient, with one character set and encoding.

    Parameters
    ----------
    setting
        Everything, besides an element's bytes, that decides what becomes of it.
    terms
        What pictures are searched for, whether text is cleaned or not.
    """

    __slots__ = (
        "_known", "_known_bytes", "_labels_segments", "_rules", "_wording", "setting", "terms",
    )  # fmt: skip

    def __init__(self, setting: Setting, terms: CompiledTerms) -> None:
        self.setting = setting
        self.terms = terms
        self._wording = Wording(
            setting.identity.pseudonyms, setting.terms, setting.profile.policies.text
        )
        rule = setting.profile.action_for(_SEGMENT_LABEL, "LO", private=False)
        self._labels_segments = rule.generator == "segment-label"
        self._known: dict[tuple[bytes, str], bytes] = {}
        self._known_bytes = 0
        self._rules: dict[tuple[int, str], Rule] = {}

    def encoded(self, parsed: ParsedObject, raw: RawElement, creator: str) -> bytes:
        """Give what becomes of a top-level element, encoded; empty when it is removed.

        Parameters
        ----------
        creator
            Who claims the private block that it stands in; empty otherwise.
        """
        if not raw.raw or is_bulk(raw.tag, raw.vr):  # may go by what stands beside it
            new = self._new(parsed, raw, creator)
            if raw.raw and self._top_rule(raw, creator).action is Action.REMOVE:
                raw.maker, raw.made, raw.claim = self, b"", creator
            return b"" if new is None else encode_element(new, self.setting.encoding)
        key = (raw.raw, creator)
        content = self._known.get(key)
        if content is None:
            new = self._new(parsed, raw, creator)
            content = b"" if new is None else encode_element(new, self.setting.encoding)
            if len(raw.raw) <= _MEMORABLE_BYTES:
                self._remember(key, content)
        raw.maker, raw.made, raw.claim = self, content, creator
        return content

    def _remember(self, key: tuple[bytes, str], content: bytes) -> None:
        self._known_bytes += len(key[0]) + len(content)
        if self._known_bytes > _MEMORY_BYTES:
            self._known.clear()
            self._known_bytes = len(key[0]) + len(content)
        self._known[key] = content

    def _new(self, parsed: ParsedObject, raw: RawElement, creator: str) -> Element | None:
        rule = self._top_rule(raw, creator)
        if rule.action is Action.REMOVE or raw.tag in MARKERS or raw.tag in PIXEL_TAGS:
            return None
        try:
            element: Element | None = parsed.element(raw)
        except DamagedObjectError:
            return None  # not even its items can be told apart
        if creator and element is not None:
            element = as_listed(element, creator, self.setting.encoding)
        if element is None:
            return None
        if rule.action is Action.KEEP and is_bulk(element.tag, element.vr):
            return kept_bulk(element, parsed, self.setting.encoding)
        return self.treated(element, rule, self.setting, 0)

    def _top_rule(self, raw: RawElement, creator: str) -> Rule:
        profile = self.setting.profile
        if is_private(raw.tag):
            return profile.private_rule(creator, raw.tag, raw.vr)
        key = (raw.tag, raw.vr)
        rule = self._rules.get(key)
        if rule is None:
            rule = profile.action_for(raw.tag, _named_vr(*key), private=False)
            if len(self._rules) < _MEMORABLE_RULES:
                self._rules[key] = rule
        return rule

    def treated(self, element: Element, rule: Rule, setting: Setting, depth: int) -> Element | None:
        """Give what becomes of one element; None when it is removed."""
        if rule.action is Action.REMOVE:
            return None
        if not is_private(element.tag) and not vr_fits(element.tag, element.vr):
            return _without_value(element.tag, rule)
        if element.items is None:
            return new_element(element, rule, setting)
        if rule.action is Action.ZERO:
            return Element.of_items(element.tag, [])
        items = []
        for item in element.items:
            if rule.action is Action.DUMMY and holds_code(item):
                items.append(removed_code())
            else:
                items.append(self.level(item, setting, depth + 1))
        return Element.of_items(element.tag, items)

    def level(self, items: Items, outer: Setting, depth: int) -> Items:
        """Treat one item of a sequence.

        Raises
        ------
        DamagedObjectError
            If sequences are nested without end.
        """
        if depth > _MAXIMUM_DEPTH:
            raise DamagedObjectError("Sequences are nested without end.")
        setting = _own_setting(items, outer)
        blocks = PrivateBlocks.of(items, setting.charset)
        special = item_rules(items, setting.charset, setting.profile)
        new: Items = {}
        if holds_code(items):
            new = rewritten_code(items, setting.charset, self._wording)
        for tag, found in items.items():
            if tag in MARKERS or tag in CODE_TAGS:
                continue
            rule = self._rule(found, special, blocks)
            element = blocks.readable(found, setting.encoding)
            if element is None:
                continue
            if rule.action is Action.KEEP and is_bulk(tag, element.vr):
                made = kept_bulk(element, items, setting.encoding)
            else:
                made = self.treated(element, rule, setting, depth)
            if made is not None:
                new[tag] = made
        label = items.get(_SEGMENT_LABEL)
        if label is not None and self._labels_segments:
            new[_SEGMENT_LABEL] = cleaned_text(label, setting) or _label_of(new, setting.encoding)
        return new

    def _rule(self, element: Element, special: Mapping[int, Rule], blocks: PrivateBlocks) -> Rule:
        tag = element.tag
        profile = self.setting.profile
        if is_private(tag):
            return profile.private_rule(blocks.creator_of(tag), tag, element.vr)
        found = special.get(tag)
        return found if found is not None else profile.action_for(tag, element.vr, private=False)


def _own_setting(items: Items, outer: Setting) -> Setting:
    own = items.get(_CHARSET)
    if own is None or not own.value:
        return outer
    return Setting(
        profile=outer.profile,
        identity=outer.identity,
        encoding=outer.encoding,
        charset=Charset.of(own.value),
        terms=outer.terms,
    )


def _named_vr(tag: int, vr: str) -> str:
    return vr_of(tag) if vr == "UN" else vr


def _without_value(tag: int, rule: Rule) -> Element | None:
    """Write an attribute anew that the file gives a wrong VR, its value unseen."""
    try:
        vr = dictionary.vr_of(tag)[:2]
    except KeyError:
        return None
    wanted = rule.action if rule.action in {Action.ZERO, Action.DUMMY} else rule.otherwise
    if wanted is Action.ZERO:
        return Element.of_items(tag, []) if vr == "SQ" else Element(tag, vr)
    return dummy(tag, vr) if wanted is Action.DUMMY and vr != "SQ" else None


def _label_of(segment: Items, encoding: Encoding) -> Element:
    """Name a segment after what its codes say (PS3.3 C.8.20.2)."""
    types = segment.get(_SEGMENTED_PROPERTY_TYPE)
    meaning = text_of(types.items[0].get(CODE_MEANING), UTF_8) if types and types.items else ""
    number = segment.get(_SEGMENT_NUMBER)
    numbers = numbers_of(number, encoding) if number else []
    label = meaning or f"Segment {int(numbers[0]) if numbers else ''}".strip()
    return Element.of_text(_SEGMENT_LABEL, "LO", label)
