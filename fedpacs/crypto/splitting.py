"""Splitting a data key in two shares, so that two custodians must open together what it seals.

The key is the exclusive or of two random-looking halves; each half alone says nothing about it.
Each is encrypted to one custodian (RSAES-OAEP). Whoever seals forgets the key, so the one who
wrote a vault cannot read it either.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.crypto.errors import NotRecipientError
from fedpacs.crypto.sealing import Sealer

if TYPE_CHECKING:
    from fedpacs.crypto.custodians import Custodian, CustodianKey

_KEY_BYTES = 32
_CONTEXT = b"fedpacs share v1|"


@dataclass(frozen=True, slots=True)
class SplitKey:
    """A data key that only two custodians together can have again: one share for each."""

    first: bytes
    second: bytes


def split_sealer(first: Custodian, second: Custodian, context: bytes) -> tuple[Sealer, SplitKey]:
    """Make a new data key, and split it.

    Parameters
    ----------
    context
        Where it belongs; needed again to join the shares.

    Returns
    -------
    tuple[Sealer, SplitKey]
        Seals with the data key, as long as it lives; and the shares to keep.
    """
    key, share = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES)
    context = _CONTEXT + context
    return Sealer(key), SplitKey(
        first.wrap(share, context), second.wrap(_exclusive_or(key, share), context)
    )


def joined_sealer(
    split: SplitKey, first: CustodianKey, second: CustodianKey, context: bytes
) -> Sealer:
    """Join the shares again.

    Raises
    ------
    NotRecipientError
        If one of the keys is another one's.
    """
    context = _CONTEXT + context
    one, other = first.unwrap(split.first, context), second.unwrap(split.second, context)
    if len(one) != _KEY_BYTES or len(other) != _KEY_BYTES:
        raise NotRecipientError("A share is not one half of a data key.")
    return Sealer(_exclusive_or(one, other))


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
