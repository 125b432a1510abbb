"""The question for statistics on the wire, and its answer: the signed file of a site, whole.

The answer is one array of bytes. What is in it was judged by gate 3 and is in the site's book; the
consortium reads it as strictly as a file that people hand over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from fedpacs.federation.errors import UnexpectedRecordError, WrongJobError

if TYPE_CHECKING:
    from fedpacs.federation.messages import MessageKind

QUERY: MessageKind = "query"
_CONFIG, _ARRAYS, _FILE = "config", "arrays", "statistics"
_JOB_DIGEST = "job-digest"
_MOST_BYTES = 4 * 1024 * 1024
_NPY_HEADER_BYTES = 4096


def write_question(job_digest: str) -> RecordDict:
    """Ask a site for the statistics of a job."""
    return RecordDict({_CONFIG: ConfigRecord({_JOB_DIGEST: job_digest})})


def read_question(content: RecordDict, job_digest: str) -> None:
    """Return only if a record asks for the statistics of the job, and nothing else.

    Raises
    ------
    UnexpectedRecordError
        If it holds anything but what `write_question` puts there.
    WrongJobError
        If it names another job.
    """
    config = content.get(_CONFIG)
    if set(content) != {_CONFIG} or not isinstance(config, ConfigRecord):
        raise UnexpectedRecordError("A question holds other records than it may.")
    if set(config) != {_JOB_DIGEST}:
        raise UnexpectedRecordError("A question has unexpected keys.")
    if config[_JOB_DIGEST] != job_digest:
        raise WrongJobError("A question names another job.")


def write_answer(file: bytes) -> RecordDict:
    """Put the signed file into a record for the consortium."""
    array = Array(np.frombuffer(file, dtype=np.uint8))
    return RecordDict({_ARRAYS: ArrayRecord({_FILE: array})})


def read_answer(content: RecordDict) -> bytes:
    """Take the signed file out of a site's reply.

    Raises
    ------
    UnexpectedRecordError
        If the record holds anything but what `write_answer` puts there.
    """
    record = content.get(_ARRAYS)
    if set(content) != {_ARRAYS} or not isinstance(record, ArrayRecord) or list(record) != [_FILE]:
        raise UnexpectedRecordError("An answer holds other records than it may.")
    array = record[_FILE]
    if array.dtype != "uint8" or len(array.shape) != 1 or array.stype != "numpy.ndarray":
        raise UnexpectedRecordError("An answer is not one array of bytes.")
    if len(array.data) > _MOST_BYTES + _NPY_HEADER_BYTES:
        raise UnexpectedRecordError("An answer is longer than any statistics.")
    try:
        values = array.numpy()  # Flower reads it with allow_pickle=False
    except (
        Exception
    ) as error:  # NumPy's reader fails in many ways on foreign bytes, MemoryError too
        raise UnexpectedRecordError("An answer cannot be read.") from error
    if values.dtype != np.uint8 or values.ndim != 1:
        raise UnexpectedRecordError("An answer is not what it says it is.")
    return values.tobytes()
