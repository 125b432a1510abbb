"""Upkeep of the sealed store: sweeping, forgetting, checking, repairing.

Every function that changes something needs the writer's lock and may be killed at any point and
run again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.cohort.errors import DamagedStoreError, MissingBlobError
from fedpacs.cohort.study_record import StudyRecord
from fedpacs.cohort.vault import Shelf
from fedpacs.core.digest import canonical_json, sha256_hex
from fedpacs.core.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.cohort.vault import Vault

SPLITS = "splits"
LATEST = "latest"
OWNER = "owner"
LEFTOVERS = "leftovers"


@dataclass(frozen=True, slots=True)
class StoreFault:
    """Something in the store that does not hold.

    Attributes
    ----------
    code
        ``cohort.damaged``, ``cohort.missing-blob`` or ``cohort.leftover``.
    shelf, name
        The sealed file; its name is a digest, never a patient's identity.
    study_instance_uid
        New UID of the study it belongs to; empty when unknown.
    """

    code: str
    shelf: Shelf
    name: str
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """How many of each were removed.

    Attributes
    ----------
    in_splits
        Whether the patient had a part of the splits.
    """

    studies: int
    instances: int
    cohorts: int
    in_splits: bool = False


@dataclass(frozen=True, slots=True)
class RepairReport:
    """How many of each were removed: files no study names, and studies dropped as damaged."""

    leftovers: int
    studies_dropped: int


def record_name(study_instance_uid: str) -> str:
    """Name of a study's record in the vault."""
    return sha256_hex(study_instance_uid.encode())


def records(vault: Vault) -> Iterator[StudyRecord]:
    """Open every study's record."""
    for name in vault.names(Shelf.STUDIES):
        yield StudyRecord.from_dict(json.loads(vault.read(Shelf.STUDIES, name)))


def ledger(vault: Vault, name: str) -> dict[str, str]:
    """Read one table of the ledger; empty when it was never written."""
    if not vault.holds(Shelf.LEDGER, name):
        return {}
    table: dict[str, str] = json.loads(vault.read(Shelf.LEDGER, name))
    return table


def write_ledger(vault: Vault, name: str, table: dict[str, str]) -> None:
    """Write one table of the ledger."""
    vault.write(Shelf.LEDGER, name, canonical_json(table))


def is_sound(vault: Vault, digest: str) -> bool:
    """Tell whether a blob is there and is what its name says."""
    try:
        return sha256_hex(vault.read(Shelf.BLOBS, digest)) == digest
    except (MissingBlobError, DamagedStoreError):
        return False


def note_leftovers(vault: Vault, old: StudyRecord, new: StudyRecord) -> None:
    """Note that a replaced study may leave files behind that no study names any more."""
    named = {i.digest for i in new.instances}
    if any(i.digest not in named for i in old.instances) and not ledger(vault, LEFTOVERS):
        write_ledger(vault, LEFTOVERS, {"sweep": "due"})
        vault.flush()


def sweep(vault: Vault) -> int:
    """Remove every blob that no study names.

    Raises
    ------
    DamagedStoreError
        If a record cannot be read: then nobody knows what it names, and nothing is removed.
    """
    named = {i.digest for record in records(vault) for i in record.instances}
    orphans = [name for name in vault.names(Shelf.BLOBS) if name not in named]
    for name in orphans:
        vault.remove(Shelf.BLOBS, name)
    if vault.holds(Shelf.LEDGER, LEFTOVERS):
        vault.flush()
        vault.remove(Shelf.LEDGER, LEFTOVERS)
    return len(orphans)


def forget(vault: Vault, patient: str) -> ForgetReport:
    """Remove everything of one patient."""
    theirs = [record for record in records(vault) if record.patient == patient]
    for record in theirs:
        vault.remove(Shelf.STUDIES, record_name(record.study_instance_uid))
    cohorts = [name for name in vault.names(Shelf.COHORTS) if patient in _parts(vault, name)]
    for name in cohorts:
        vault.remove(Shelf.COHORTS, name)
    for name in list(vault.names(Shelf.PREPARATIONS)):
        if patient in _prepared(vault, name):
            vault.remove(Shelf.PREPARATIONS, name)
    latest = ledger(vault, LATEST)
    if set(latest.values()) & set(cohorts):
        kept = {query: digest for query, digest in latest.items() if digest not in cohorts}
        write_ledger(vault, LATEST, kept)
    splits = ledger(vault, SPLITS)
    in_splits = splits.pop(patient, None) is not None
    if in_splits:
        write_ledger(vault, SPLITS, splits)
    if theirs or cohorts or vault.holds(Shelf.LEDGER, LEFTOVERS):
        sweep(vault)
    instances = sum(len(record.instances) for record in theirs)
    return ForgetReport(len(theirs), instances, len(cohorts), in_splits)


def check(vault: Vault) -> tuple[StoreFault, ...]:
    """Open everything; give every fault."""
    faults: list[StoreFault] = []
    named: set[str] = set()
    for name in vault.names(Shelf.STUDIES):
        try:
            record = StudyRecord.from_dict(json.loads(vault.read(Shelf.STUDIES, name)))
        except CohortError as error:
            faults.append(StoreFault(error.code, Shelf.STUDIES, name))
            continue
        named |= {i.digest for i in record.instances}
        faults += [
            StoreFault(code, Shelf.BLOBS, i.digest, record.study_instance_uid)
            for i in record.instances
            if (code := _fault_code(vault, i.digest))
        ]
    unknown_record = any(not fault.study_instance_uid for fault in faults)
    if not unknown_record:
        faults += [
            StoreFault("cohort.leftover", Shelf.BLOBS, name)
            for name in vault.names(Shelf.BLOBS)
            if name not in named
        ]
    for shelf in (Shelf.COHORTS, Shelf.PREPARATIONS, Shelf.LEDGER):
        for name in vault.names(shelf):
            try:
                vault.read(shelf, name)
            except CohortError as error:
                faults.append(StoreFault(error.code, shelf, name))
    return tuple(faults)


def drop_damaged(vault: Vault) -> int:
    """Remove the records of damaged studies and damaged manifests; give the number of studies.

    A damaged ledger is left: without it patients would change their part of the splits.
    """
    studies: set[str] = set()
    for fault in check(vault):
        if fault.study_instance_uid:
            studies.add(record_name(fault.study_instance_uid))
        elif fault.shelf is Shelf.STUDIES:
            studies.add(fault.name)
        elif fault.shelf in (Shelf.COHORTS, Shelf.PREPARATIONS):
            vault.remove(fault.shelf, fault.name)
    for name in studies:
        vault.remove(Shelf.STUDIES, name)
    return len(studies)


def _fault_code(vault: Vault, digest: str) -> str:
    try:
        content = vault.read(Shelf.BLOBS, digest)
    except CohortError as error:
        return error.code
    return "" if sha256_hex(content) == digest else DamagedStoreError.code


def parts_of(vault: Vault, patient: str) -> Iterator[tuple[str, str]]:
    """Give digest and part of every cohort that names a patient."""
    for name in vault.names(Shelf.COHORTS):
        part = _parts(vault, name).get(patient)
        if part is not None:
            yield name, part


def _parts(vault: Vault, cohort_digest: str) -> dict[str, str]:
    manifest: dict[str, Any] = json.loads(vault.read(Shelf.COHORTS, cohort_digest))
    return {str(row["patient"]): str(row["split"]) for row in manifest["subjects"]}


def _prepared(vault: Vault, digest: str) -> set[str]:
    record: dict[str, Any] = json.loads(vault.read(Shelf.PREPARATIONS, digest))
    return {str(row["patient"]) for row in record["volumes"]}
