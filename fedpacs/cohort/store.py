"""The sealed store: de-identified studies at rest, encrypted, named by their content.

Blobs (whole DICOM files) are written first and the study's record last, so a study is in the
store completely or not at all. One writer at a time; readers never wait. What a killed writer
left is finished by the next writer or when the store is next opened: a half-put study is swept
away, a half-forgotten patient is forgotten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.cohort import upkeep
from fedpacs.cohort.errors import (
    ContentMismatchError,
    DamagedStoreError,
    OtherProjectError,
    PatientChangedError,
    UnknownStudyError,
)
from fedpacs.cohort.study_record import StudyRecord
from fedpacs.cohort.upkeep import RepairReport
from fedpacs.cohort.vault import Shelf, Vault
from fedpacs.core.digest import canonical_json, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fedpacs.cohort.upkeep import ForgetReport, StoreFault
    from fedpacs.core.study import DeidentifiedInstance, DeidentifiedStudy


@dataclass(frozen=True, slots=True)
class SealedStore:
    """The store of one site. Use `SealedStore.open`.

    Attributes
    ----------
    vault
        Its sealed files.
    wait_s
        How long a writer waits for another one before it gives up.
    """

    vault: Vault
    wait_s: float = 30.0

    @classmethod
    def open(cls, path: Path, key: bytes, *, wait_s: float = 30.0) -> SealedStore:
        """Open the store in a folder, or create it there.

        Parameters
        ----------
        path
            Folder of the store, used by nothing else.
        key
            Secret of 32 bytes or more.
        wait_s
            How long a writer waits for another one before `StoreBusyError`.

        Raises
        ------
        NotAStoreError, HalfWrittenStoreError, StoreKeyError, DamagedStoreError
            Nothing is written in any of these cases.
        """
        store = cls(Vault.open(path, key), wait_s)
        store.vault.recover_if_abandoned(store._recover)
        return store

    def bind(self, owner: str) -> None:
        """Hold the store to an owner; the first one named is the owner for good.

        Parameters
        ----------
        owner
            Keyed digest of the project, the same for the same project key.

        Raises
        ------
        OtherProjectError
            If the store belongs to another one.
        """
        if not upkeep.ledger(self.vault, upkeep.OWNER):
            with self.writing({"act": "bind"}):
                if not upkeep.ledger(self.vault, upkeep.OWNER):
                    upkeep.write_ledger(self.vault, upkeep.OWNER, {"owner": owner})
        if upkeep.ledger(self.vault, upkeep.OWNER)["owner"] != owner:
            raise OtherProjectError("The sealed store was filled under another project key.")

    def put(self, study: DeidentifiedStudy, *, tidy: bool = True) -> str:
        """Seal a study. The same study again changes nothing; a grown one replaces the old.

        Parameters
        ----------
        study
            Behind gate 1.
        tidy
            Whether to remove at once what only the old study named. That looks through the whole
            store, so who puts many studies calls `tidy` once, at the end.

        Returns
        -------
        str
            SHA-256 of the study's record.

        Raises
        ------
        ContentMismatchError
            If a file is not what the study says.
        PatientChangedError
            If the study is sealed under another patient.
        StoreBusyError, StoreUnwritableError
            See each class.
        """
        record = StudyRecord.of(study)
        name = _name(study.study_instance_uid)
        with self.writing({"act": "put"}):
            known = self._record(name) if self.vault.holds(Shelf.STUDIES, name) else None
            if known and known.patient != record.patient:
                raise PatientChangedError("A sealed study came again under another patient.")
            self.vault.write_many(Shelf.BLOBS, self._new_blobs(study.instances))
            self.vault.flush()
            if known:
                upkeep.note_leftovers(self.vault, known, record)
            self.vault.write(Shelf.STUDIES, name, canonical_json(record.as_dict()))
            if tidy and known and upkeep.ledger(self.vault, upkeep.LEFTOVERS):
                self.vault.flush()
                upkeep.sweep(self.vault)
        return record.digest

    def tidy(self) -> int:
        """Sweep away what replaced studies left behind; give the number of files.

        One look through the store for any number of replaced studies.
        """
        if not upkeep.ledger(self.vault, upkeep.LEFTOVERS):
            return 0
        with self.writing({"act": "put"}):
            return upkeep.sweep(self.vault)

    def has(self, study_instance_uid: str) -> bool:
        """Tell whether the study is sealed with all its files.

        Raises
        ------
        DamagedStoreError
            If its record was altered.
        """
        name = _name(study_instance_uid)
        if not self.vault.holds(Shelf.STUDIES, name):
            return False
        return all(self.vault.holds(Shelf.BLOBS, i.digest) for i in self._record(name).instances)

    def study(self, study_instance_uid: str) -> StudyRecord:
        """Open the record of one study.

        Raises
        ------
        UnknownStudyError
            If it is not in the store.
        """
        name = _name(study_instance_uid)
        if not self.vault.holds(Shelf.STUDIES, name):
            raise UnknownStudyError("The sealed store holds no such study.")
        return self._record(name)

    def sop_instance_uids(self, study_instance_uid: str) -> frozenset[str]:
        """Give the new UIDs of everything sealed of one study."""
        return frozenset(i.sop_instance_uid for i in self.study(study_instance_uid).instances)

    def each_study(self) -> Iterator[StudyRecord]:
        """Open the records of all studies one after the other, in no order."""
        return upkeep.records(self.vault)

    def studies(self) -> tuple[StudyRecord, ...]:
        """Open the records of all studies, sorted by UID."""
        records = upkeep.records(self.vault)
        return tuple(sorted(records, key=lambda record: record.study_instance_uid))

    def read(self, digest: str) -> bytes:
        """Open one sealed DICOM file.

        Parameters
        ----------
        digest
            SHA-256 of the file, as a record names it.

        Raises
        ------
        MissingBlobError, DamagedStoreError
            See each class.
        """
        content = self.vault.read(Shelf.BLOBS, digest)
        if sha256_hex(content) != digest:
            raise DamagedStoreError("A sealed file is not what its name says.")
        return content

    def forget(self, patient: str) -> ForgetReport:
        """Remove a patient: studies, files, place in the splits, every cohort with them.

        A patient that is not there is no error. The manifests that name the patient go too, so
        no earlier cohort can be trained on again. It does not keep the patient from being
        ingested again: that is the register of withdrawals' part.
        """
        with self.writing({"act": "forget", "patient": patient}):
            return upkeep.forget(self.vault, patient)

    def cohorts_of(self, patient: str) -> tuple[tuple[str, str], ...]:
        """Give digest and part of every cohort that names a patient."""
        return tuple(upkeep.parts_of(self.vault, patient))

    def split_patients(self) -> frozenset[str]:
        """Give everybody who has a part of the splits, also without a study."""
        return frozenset(upkeep.ledger(self.vault, upkeep.SPLITS))

    def check(self) -> tuple[StoreFault, ...]:
        """Open every sealed file and compare it with its digest; give every fault found."""
        return upkeep.check(self.vault)

    def repair(self, *, drop_damaged: bool = False) -> RepairReport:
        """Finish what a killed writer left and sweep away what no study names.

        Parameters
        ----------
        drop_damaged
            Also drop studies and manifests that cannot be read whole, so that the next ingest
            brings them back from the PACS.

        Raises
        ------
        DamagedStoreError
            If a study's record was altered and `drop_damaged` is not set.
        """
        dropped = 0

        def recover(intention: dict[str, Any]) -> None:
            nonlocal dropped
            if drop_damaged:
                dropped += upkeep.drop_damaged(self.vault)
            self._recover(intention)

        with self.vault.writing({"act": "put"}, recover, wait_s=self.wait_s):
            if drop_damaged:
                dropped += upkeep.drop_damaged(self.vault)
                self.vault.flush()
            return RepairReport(leftovers=upkeep.sweep(self.vault), studies_dropped=dropped)

    @classmethod
    def mend(cls, path: Path, key: bytes, *, wait_s: float = 30.0) -> RepairReport:
        """Repair a store that does not open because what a killed writer left is damaged too."""
        return cls(Vault.open(path, key), wait_s).repair(drop_damaged=True)

    def writing(self, intention: dict[str, Any]) -> AbstractContextManager[None]:
        """Hold the writer's lock; for the modules of this package."""
        return self.vault.writing(intention, self._recover, wait_s=self.wait_s)

    def _recover(self, intention: dict[str, Any]) -> None:
        if intention["act"] == "forget":
            upkeep.forget(self.vault, intention["patient"])
        if intention["act"] in ("forget", "put"):
            upkeep.sweep(self.vault)

    def _record(self, name: str) -> StudyRecord:
        return StudyRecord.from_dict(json.loads(self.vault.read(Shelf.STUDIES, name)))

    def _new_blobs(self, instances: Sequence[DeidentifiedInstance]) -> Iterator[tuple[str, bytes]]:
        """Give digest and content of each file that is not in the store yet, each once."""
        seen: set[str] = set()
        for instance in instances:
            try:
                content = instance.path.read_bytes()
            except OSError:
                raise ContentMismatchError("A file of the study cannot be read.") from None
            if sha256_hex(content) != instance.digest:
                raise ContentMismatchError("A file of the study is not what its digest says.")
            if instance.digest not in seen and not upkeep.is_sound(self.vault, instance.digest):
                seen.add(instance.digest)
                yield instance.digest, content


def _name(study_instance_uid: str) -> str:
    return upkeep.record_name(study_instance_uid)
