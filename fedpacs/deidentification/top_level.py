"""The top level of an object: every element transformed, or found among what was made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import PRIVATE_MASK, is_private
from fedpacs.deidentification.dicom.parsed import Run
from fedpacs.deidentification.private import NO_BLOCKS, PrivateBlocks, block_of, is_creator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.parsed import ParsedObject, RawElement
    from fedpacs.deidentification.transform import Transformation


def encoded_elements(
    parsed: ParsedObject, transformation: Transformation, *, keeps_private: bool
) -> dict[int, bytes]:
    """Give every element of the top level, encoded; empty or left out when it is removed.

    Parameters
    ----------
    keeps_private
    Whether the profile keeps any private element at all.
    """
    claims = _blocks(parsed).claims if keeps_private else NO_BLOCKS.claims
    encoded: dict[int, bytes] = {}
    for part in parsed.parts:
        if not isinstance(part, Run):
            _add(encoded, parsed, part, transformation, claims)
        elif part.maker is transformation and part.claims == claims:
            encoded.update(part.made)
        else:
            encoded.update(_made_of_run(parsed, part, transformation, claims))
    return encoded


def _made_of_run(
    parsed: ParsedObject, run: Run, transformation: Transformation, claims: Mapping[int, str]
) -> Mapping[int, bytes]:
    made: dict[int, bytes] = {}
    for raw in run.elements:
        _add(made, parsed, raw, transformation, claims)
    if all(raw.maker is transformation for raw in run.elements if raw.tag in made):
        made = {tag: content for tag, content in made.items() if content}
        run.maker, run.made, run.claims = transformation, made, claims
    return made


def _add(
    encoded: dict[int, bytes],
    parsed: ParsedObject,
    raw: RawElement,
    transformation: Transformation,
    claims: Mapping[int, str],
) -> None:
    """Add what becomes of one element; a private one that nobody claims is left out."""
    claim = ""
    if raw.tag & PRIVATE_MASK:
        claim = claims.get(block_of(raw.tag), "")
        if not claim:
            return
    if raw.maker is transformation and raw.claim == claim:
        encoded[raw.tag] = raw.made
    else:
        encoded[raw.tag] = transformation.encoded(parsed, raw, claim)


def _blocks(parsed: ParsedObject) -> PrivateBlocks:
    creators: list[RawElement] = []
    for part in parsed.parts:
        if isinstance(part, Run):
            creators.extend(part.creators)
        elif is_private(part.tag) and is_creator(part.tag):
            creators.append(part)
    if not creators:
        return NO_BLOCKS
    return PrivateBlocks({raw.tag: parsed.text(raw.tag) for raw in creators})
