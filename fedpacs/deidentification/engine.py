"""The engine: one identified file in, one de-identified file out, or a coded refusal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import UIDS
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import FedpacsError
from fedpacs.core.ps315 import Option
from fedpacs.deidentification.admission import (
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    admit,
    identify,
    sop_instance_of,
)
from fedpacs.deidentification.answers import rule_for
from fedpacs.deidentification.describing import describe
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element
from fedpacs.deidentification.dicom.parsing import Parser
from fedpacs.deidentification.errors import DamagedObjectError, DamagedPixelsError
from fedpacs.deidentification.faces.guarding import FaceGuard
from fedpacs.deidentification.marking import Marker
from fedpacs.deidentification.pixels.cleaning import PixelOutcome, clean_pixels, discard
from fedpacs.deidentification.publishing import publish, write_part
from fedpacs.deidentification.reading import quiet
from fedpacs.deidentification.setting import Setting
from fedpacs.deidentification.structured.documents import (
    DOCUMENT,
    DOCUMENT_TITLE,
    document_elements,
)
from fedpacs.deidentification.terms import TermCollector
from fedpacs.deidentification.text.terms import IdentityTerms, compile_terms
from fedpacs.deidentification.top_level import encoded_elements
from fedpacs.deidentification.transform import Transformation
from fedpacs.deidentification.writing import NewFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fedpacs.core.study import DeidentifiedInstance
    from fedpacs.crypto.custodians import Custodian
    from fedpacs.crypto.pseudonyms import Pseudonyms
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.faces.plan import FacePlan
    from fedpacs.deidentification.identity import Identity
    from fedpacs.deidentification.rules import Profile
    from fedpacs.deidentification.text.terms import CompiledTerms

_MEMORY = 32
_HEADER_BYTES = 8
_NO_PICTURES = PixelOutcome()
_NO_TERMS = IdentityTerms((), (), (), ())


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, not verified yet.

    Attributes
    ----------
    sop_instance_uid
        The new one.
    text_free
        Whether its pictures were searched and are free of text.
    masked_regions
        Regions of its pictures that were masked.
    """

    sop_instance_uid: str
    text_free: bool = False
    masked_regions: int = 0


class Engine:
    """Applies one profile with the pseudonyms of one project.

    Parameters
    ----------
    profile
        What happens to each attribute.
    pseudonyms
        Makes UIDs, codes and date shifts: from the site's key, or from a vault.
    lenient
        Whether objects that lack a Patient ID, a UID or their pixel data are de-identified all the
        same. They tell no less than others, but are of no use where studies must be complete.
    custodians
        Who may open the original attributes again, which then travel along, encrypted.
    faces
        Which files belong together, for profiles that deface heads.
    """

    def __init__(
        self,
        profile: Profile,
        pseudonyms: Pseudonyms,
        *,
        lenient: bool = False,
        custodians: Sequence[Custodian] = (),
        faces: FacePlan | None = None,
    ) -> None:
        self.profile = profile
        self.pseudonyms = pseudonyms
        self._lenient = lenient
        self._custodians = tuple(custodians)
        self._keeps_private = Option.RETAIN_SAFE_PRIVATE in profile.options
        self._parser = Parser()
        self._marker = Marker(profile)
        self._faces = FaceGuard(profile.policies.faces, faces)
        self._collector = TermCollector(profile)
        self._searches = profile.policies.text != "drop" or profile.policies.pixels == "clean"
        self._transformations: dict[object, Transformation] = {}
        self._shift_days = lru_cache(maxsize=_MEMORY)(pseudonyms.shift_days)

    def __repr__(self) -> str:
        return f"Engine({self.profile.name})"

    def together(self, files: Iterable[Path]) -> AbstractContextManager[None]:
        """Let files be de-identified together: a face is found in a volume, not in a slice.

        Parameters
        ----------
        files
            All files of a study.
        """
        return self._faces.together(files)

    def deidentify_file(
        self, source: Path, out_dir: Path, *, durable: bool = True
    ) -> DeidentifiedInstance:
        """De-identify one file.

        Parameters
        ----------
        source
            DICOM file; it is only read.
        out_dir
            Folder of the new file, which is named after the new SOP Instance UID. It appears
            complete or not at all.
        durable
            Whether its bytes must be on the disk; a staging area does without.

        Returns
        -------
        DeidentifiedInstance
            Not verified yet; see `fedpacs.deidentification.verification`.

        Raises
        ------
        DeidentificationError
            If the object cannot be de-identified with certainty; nothing is written then.
        """
        with write_part(out_dir) as part:
            written = self.write(source, part)
            path = out_dir / f"{written.sop_instance_uid}.dcm"
            digest = publish(part, path, durable=durable)
        return describe(path, digest or sha256_hex(path.read_bytes()))

    def write(self, source: Path, part: Path) -> Written:
        """De-identify one file into another one, of any name.

        Parameters
        ----------
        part
            New file; it is there afterwards, whole, or `DeidentificationError` was raised.
        """
        try:
            with quiet(), self._parser.parse(source) as parsed:
                return self._write(parsed, part)
        except FedpacsError as error:
            raise error from None  # what it came from may quote a value
        except Exception:  # noqa: BLE001 - damaged bytes make decoders fail in any way they like, and their messages quote values
            raise DamagedObjectError("Something that stays cannot be read.") from None

    def _write(self, parsed: ParsedObject, part: Path) -> Written:
        sop_class_uid = admit(parsed, self.profile)
        old_uid = sop_instance_of(parsed, lenient=self._lenient)
        identity = identify(
            parsed, old_uid, self.pseudonyms, lenient=self._lenient, shift_days=self._shift_days
        )
        transformation, terms = self._transformation(parsed, identity)
        face = self._faces.face_in(parsed, sop_class_uid)
        outcome = self._pictures(parsed, sop_class_uid, terms, part.parent)
        try:
            if face is not None:
                outcome = face.without(parsed, outcome, part.parent)
            elements = encoded_elements(parsed, transformation, keeps_private=self._keeps_private)
            uid = self._new_uid(old_uid)
            own: dict[int, Element | None] = dict(outcome.attributes)
            elements.update(
                self._marker.marks(parsed, text_free=outcome.text_free, defaced=face is not None)
            )
            own.update(self._own(parsed, elements, sop_class_uid, uid))
            for tag, element in own.items():
                elements[tag] = b"" if element is None else encode_element(element, parsed.encoding)
            new_class = self._class_of(sop_class_uid)
            NewFile(parsed, new_class, uid, elements, outcome.content).write(part)
        finally:
            discard(outcome.content)
        return Written(uid, outcome.text_free, outcome.masked_regions)

    def _own(
        self, parsed: ParsedObject, elements: Mapping[int, bytes], sop_class_uid: str, uid: str
    ) -> dict[int, Element | None]:
        """Give what the engine writes itself, besides the marks."""
        own: dict[int, Element | None] = {}
        if DOCUMENT in parsed:
            policy, little = self.profile.policies.documents, parsed.little
            own.update(
                document_elements(sop_class_uid, policy, little=little, sop_instance_uid=uid)
            )
            title = elements.get(DOCUMENT_TITLE, b"")
            if len(title) > _HEADER_BYTES:  # what cleaning left of it
                del own[DOCUMENT_TITLE]
        if not elements.get(SOP_CLASS_UID) and sop_class_uid:
            new_class = self._class_of(sop_class_uid)
            own[SOP_CLASS_UID] = Element.of_text(SOP_CLASS_UID, "UI", new_class)
        if not elements.get(SOP_INSTANCE_UID):
            own[SOP_INSTANCE_UID] = Element.of_text(SOP_INSTANCE_UID, "UI", uid)
        if self._custodians:
            from fedpacs.deidentification.custody.encrypted import (  # only who seals pays for it
                encrypted_attributes,
                originals_of,
            )

            sealed = encrypted_attributes(originals_of(parsed), self._custodians, uid)
            own[sealed.tag] = sealed
        return own

    def _pictures(
        self, parsed: ParsedObject, sop_class_uid: str, terms: CompiledTerms, scratch: Path
    ) -> PixelOutcome:
        if parsed.pixel is not None:
            return clean_pixels(parsed, terms, self.profile.policies, scratch)
        if not self._lenient and rule_for(sop_class_uid).pixels == "yes":
            raise DamagedPixelsError("The object has no pixel data.")
        return _NO_PICTURES

    def _class_of(self, sop_class_uid: str) -> str:
        """Give the new SOP class; a vendor's own is replaced like any UID that is no standard's."""
        if not sop_class_uid or sop_class_uid in UIDS:
            return sop_class_uid
        return self._new_uid(sop_class_uid)

    def _new_uid(self, old: str) -> str:
        if Option.RETAIN_UIDS in self.profile.options:
            return old
        return self.pseudonyms.uid(old)

    def _transformation(
        self, parsed: ParsedObject, identity: Identity
    ) -> tuple[Transformation, CompiledTerms]:
        listed = self._collector.collect(parsed) if self._searches else _NO_TERMS
        key = (identity.patient_id, parsed.charset.encodings, parsed.encoding, listed)
        known = self._transformations.get(key)
        if known is None:
            terms = compile_terms(listed)
            known = Transformation(
                Setting(
                    profile=self.profile,
                    identity=identity,
                    encoding=parsed.encoding,
                    charset=parsed.charset,
                    terms=terms if self._searches else None,
                ),
                terms,
            )
            if len(self._transformations) >= _MEMORY:
                self._transformations.clear()
            self._transformations[key] = known
        return known, known.terms
