"""Records of preparation: what was done to each volume before a network saw it, step by step.

A record is sealed under its own digest, which the book names when a run begins. It holds pseudonyms
and numbers only, and goes with the patients it names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fedpacs.cohort.errors import DamagedStoreError
from fedpacs.cohort.vault import Shelf
from fedpacs.core.digest import canonical_json, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.cohort.store import SealedStore
    from fedpacs.core.cohort import Subject

_FORMAT = 1


def keep_preparation(
    store: SealedStore,
    run: tuple[str, str],
    volumes: Iterable[tuple[Subject, list[dict[str, Any]]]],
) -> str:
    """Seal what was done to each volume of a run; the same again changes nothing.

    Parameters
    ----------
    store
        The sealed store.
    run
        Digests of job and cohort.
    volumes
        Each subject with its steps in order: name, version and parameters.

    Returns
    -------
    str
        SHA-256 of the record.

    Raises
    ------
    StoreBusyError, StoreUnwritableError
        See each class.
    """
    job, cohort = run
    rows = [
        {"patient": s.patient, "series": s.series_instance_uid, "steps": steps}
        for s, steps in volumes
    ]
    rows.sort(key=lambda row: (row["patient"], row["series"]))
    record = {"format": _FORMAT, "job": job, "cohort": cohort, "volumes": rows}
    digest = digest_of(record)
    if not store.vault.holds(Shelf.PREPARATIONS, digest):
        with store.writing({"act": "cohort"}):
            store.vault.write(Shelf.PREPARATIONS, digest, canonical_json(record))
            store.vault.flush()
    return digest


def read_preparation(store: SealedStore, digest: str) -> dict[str, Any] | None:
    """Open a record and hold it to its digest; None when it went with a patient.

    Raises
    ------
    DamagedStoreError
        If it is not what its name says.
    """
    if not store.vault.holds(Shelf.PREPARATIONS, digest):
        return None
    record: dict[str, Any] = json.loads(store.vault.read(Shelf.PREPARATIONS, digest))
    if digest_of(record) != digest or record.get("format") != _FORMAT:
        raise DamagedStoreError("A record of preparation is not what its name says.")
    return record
