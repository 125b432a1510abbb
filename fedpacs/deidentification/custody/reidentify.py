"""Re-identification: what a custodian's private key opens goes back to its place in the object.

A folder is read twice: first the envelopes, which tell which new UID stands for which old one,
then the objects, so that references from one to another are restored in nested items, too. What
was removed, masked or cleaned and is not in the envelope stays as it is.

References
----------
PS3.15 E.1.2 (re-identifier).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import DeidentificationError, FedpacsError
from fedpacs.crypto.custodians import CustodianKey
from fedpacs.deidentification.custody.encrypted import (
    ENCRYPTED_ATTRIBUTES,
    open_encrypted_attributes,
)
from fedpacs.deidentification.custody.restored_file import Restored, write_restored
from fedpacs.deidentification.dicom.charset import DEFAULT, Charset, text_of, values_of
from fedpacs.deidentification.dicom.elements import TEXT_VRS, Element
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.errors import UnwritableOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

_CHARSET = 0x00080005
_SOP_INSTANCE_UID = 0x00080018
_IDENTITY_REMOVED = 0x00120062
_METHOD, _METHOD_CODES = 0x00120063, 0x00120064
_SAFE_NAME = re.compile(r"[0-9][0-9A-Za-z.-]{0,63}")
_UTF_8_NAMES = ["ISO_IR 192"]


@dataclass(frozen=True, slots=True)
class ReidentificationReport:
    """What was done, in numbers.

    Attributes
    ----------
    restored_attributes
        Original values put back at the top level of the objects.
    restored_references
        UIDs in nested items put back, of objects that are in the same folder.
    refused
        Files that were not re-identified, by code.
    """

    files: int
    reidentified: int
    restored_attributes: int
    restored_references: int
    refused: dict[str, int]


class NothingReidentifiedError(DeidentificationError):
    """There is no file to re-identify."""

    code = "deid.nothing-to-reidentify"
    default_hint = "Name a file or folder that `fedpacs deid run --custodian` wrote."


def reidentify(
    source: Path,
    out: Path,
    key_uri: str,
    progress: Callable[[str, int, int], None] = lambda _stage, _done, _total: None,
) -> ReidentificationReport:
    """Restore the originals of de-identified objects. What is written is identified.

    Parameters
    ----------
    source
        A de-identified file, or a folder of them.
    out
        Folder, mode 0700; each file, mode 0600, is named after its original SOP Instance UID.
    key_uri
        A custodian's RSA private key, ``file:PATH`` or ``env:NAME``.
    progress
        Called with the stage, files done and files in all.

    Raises
    ------
    NothingReidentifiedError
        If there is no file.
    CryptoError
        If the key cannot be used.
    UnwritableOutputError
        If the output folder cannot be made.
    """
    key = CustodianKey.load(key_uri)
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    if not files or not source.exists():
        raise NothingReidentifiedError("There is no file to re-identify.")
    _make_private(out)
    uids = _old_uids(files, key, progress)
    refused: Counter[str] = Counter()
    attributes = references = 0
    for done, path in enumerate(files, start=1):
        try:
            restored = _restore(path, out, key, uids)
        except FedpacsError as error:
            refused[error.code] += 1
        else:
            attributes += restored.attributes
            references += restored.references
        progress("restore", done, len(files))
    return ReidentificationReport(
        files=len(files),
        reidentified=len(files) - refused.total(),
        restored_attributes=attributes,
        restored_references=references,
        refused=dict(sorted(refused.items())),
    )


def _make_private(out: Path) -> None:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        out.chmod(0o700)
    except OSError as error:
        raise UnwritableOutputError(f"The folder cannot be made: {error.strerror}.") from None


def _old_uids(
    files: list[Path], key: CustodianKey, progress: Callable[[str, int, int], None]
) -> dict[str, str]:
    """Learn which old UID each new one stands for."""
    found: dict[str, str] = {}
    for done, path in enumerate(files, start=1):
        try:
            with parse(path) as parsed:
                for tag, original in open_encrypted_attributes(parsed, key).items():
                    if original.vr == "UI":
                        new, old = parsed.values(tag), values_of(original, DEFAULT)
                        found.update(zip(new, old, strict=False))
        except FedpacsError:
            pass  # told by its code when its turn comes to be restored
        progress("open", done, len(files))
    return found


def _restore(path: Path, out: Path, key: CustodianKey, uids: Mapping[str, str]) -> Restored:
    with parse(path) as parsed:
        originals = open_encrypted_attributes(parsed, key)
        changed: dict[int, Element | None] = dict(_in_charset_of(parsed, originals))
        attributes = len(changed)
        changed[ENCRYPTED_ATTRIBUTES] = changed[_METHOD] = changed[_METHOD_CODES] = None
        changed[_IDENTITY_REMOVED] = Element.of_text(_IDENTITY_REMOVED, "CS", "NO")
        references = 0
        for raw in parsed.raw:
            if raw.vr == "SQ" and raw.tag not in changed:
                element = parsed.get(raw.tag)
                count = _restore_uids(element, uids) if element is not None else 0
                if count:
                    changed[raw.tag] = element
                    references += count
        old = text_of(originals.get(_SOP_INSTANCE_UID), DEFAULT)
        write_restored(parsed, changed, out / _file_name(old, parsed.text(_SOP_INSTANCE_UID)))
    return Restored(attributes, references)


def _file_name(*uids: str) -> str:
    """Name a file after the first UID that can lead nowhere else: anybody can seal an envelope."""
    return next((f"{uid}.dcm" for uid in uids if _SAFE_NAME.fullmatch(uid)), "object.dcm")


def _in_charset_of(parsed: ParsedObject, originals: Items) -> Items:
    """Write original text in the character set of the object it goes back into."""
    if parsed.values(_CHARSET) != _UTF_8_NAMES:
        return originals  # not ours: back to what it was written in
    named = originals.get(_CHARSET)
    charset = Charset.of(named.value) if named is not None else DEFAULT
    return {
        tag: Element.of_text(tag, original.vr, text_of(original, charset))
        if original.vr in TEXT_VRS
        else original
        for tag, original in originals.items()
        if tag != _CHARSET
    }


def _restore_uids(element: Element, uids: Mapping[str, str]) -> int:
    """Put old UIDs back, at any depth; give how many."""
    count = 0
    for item in element.items or ():
        for tag, nested in item.items():
            if nested.items is not None:
                count += _restore_uids(nested, uids)
            elif nested.vr == "UI":
                new = values_of(nested, DEFAULT)
                old = [uids.get(uid, uid) for uid in new]
                if old != new:
                    item[tag] = Element.of_text(tag, "UI", *old)
                    count += 1
    return count
