"""Presentation contexts: one transfer syntax each, so that files stay as stored, 128 at most.

A peer that is offered several transfer syntaxes in one context picks one and may transcode. One
syntax per context leaves it no choice but the one its file has (PS3.8 9.3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AllStoragePresentationContexts, StoragePresentationContexts, build_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

MAXIMUM_CONTEXTS = 128
"""Presentation context IDs are the odd numbers of one byte (PS3.8 9.3.2.2)."""

TRANSFER_SYNTAXES: tuple[str, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
)
"""Transfer syntaxes that a retrieve accepts."""


ALL_STORAGE_CLASSES: tuple[str, ...] = tuple(
    sorted(
        {
            str(context.abstract_syntax)
            for context in (*AllStoragePresentationContexts, *StoragePresentationContexts)
        }
    )
)
"""Storage SOP classes that an acceptor knows, retired ones included: archives are full of them."""


def storage_contexts(sop_class_uids: Iterable[str]) -> list[PresentationContext]:
    """Offer each SOP class in each transfer syntax, one context per pair.

    An archive that does not name SOP classes (an empty UID) gets all storage classes, each in
    one context, since pairs would not fit; it then chooses the syntax.
    """
    classes = sorted(set(sop_class_uids))
    if "" in classes:
        wide = [cx.abstract_syntax for cx in StoragePresentationContexts if cx.abstract_syntax]
        return [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in wide]
    return [build_context(uid, syntax) for uid in classes for syntax in TRANSFER_SYNTAXES]


def accepted_contexts(sop_class_uids: Iterable[str]) -> list[PresentationContext]:
    """Accept each SOP class in every transfer syntax, as an acceptor states it: once per class."""
    classes = sorted(set(sop_class_uids))
    if "" in classes:
        return accepted_contexts(ALL_STORAGE_CLASSES)
    return [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in classes]


def in_offered_order(association: Association) -> None:
    """Take, of the transfer syntaxes in one context, the one that the requestor names first.

    Called within ``EVT_REQUESTED``. By itself an acceptor takes the first of its own list, which
    makes a sender recompress or decompress what it would have sent as stored.
    """
    primitive = association.requestor.primitive
    rank: dict[tuple[str, str], int] = {}
    for offered in primitive.presentation_context_definition_list if primitive else ():
        for place, syntax in enumerate(offered.transfer_syntax):
            pair = (str(offered.abstract_syntax), str(syntax))
            rank[pair] = min(place, rank.get(pair, place))
    acceptor = association.acceptor
    acceptor.supported_contexts = [
        context if len(context.transfer_syntax) < 2 else _ranked(context, rank)  # noqa: PLR2004 - nothing to choose
        for context in acceptor.supported_contexts
    ]


def _ranked(context: PresentationContext, rank: dict[tuple[str, str], int]) -> PresentationContext:
    abstract = str(context.abstract_syntax)
    last = len(TRANSFER_SYNTAXES)
    ordered = sorted(
        (str(syntax) for syntax in context.transfer_syntax),
        key=lambda syntax: rank.get((abstract, syntax), last),
    )
    ranked = build_context(abstract, ordered)
    ranked.scu_role, ranked.scp_role = context.scu_role, context.scp_role
    return ranked


def in_batches(sop_class_uids: Iterable[str], reserved: int) -> list[frozenset[str]]:
    """Divide SOP classes so that each batch fits into one association.

    Parameters
    ----------
    sop_class_uids
        SOP classes to retrieve; an empty UID means that the archive did not name it.
    reserved
        Contexts that the association needs besides.
    """
    classes = sorted(set(sop_class_uids))
    if "" in classes:
        return [frozenset({""})]
    size = max(1, (MAXIMUM_CONTEXTS - reserved) // len(TRANSFER_SYNTAXES))
    return [frozenset(classes[i : i + size]) for i in range(0, len(classes), size)]


def of_pairs(pairs: Sequence[tuple[str, str]]) -> list[PresentationContext]:
    """Offer exact pairs of SOP class and transfer syntax, for storing files as they are."""
    return [build_context(sop_class, syntax) for sop_class, syntax in pairs]
