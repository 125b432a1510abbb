"""Model files: a global model on disk, in the safetensors layout, named by its content.

The packed array *is* the data part of a safetensors file whose header names the tensors in the
schema's order, so the file opens in any tool that reads safetensors, and is written here without a
copy of the weights per tensor. The digest of a model is the SHA-256 of its file, which
``sha256sum`` confirms.

References
----------
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.digest import canonical_json, sha256_hex
from fedpacs.core.update import GlobalModel
from fedpacs.federation.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.core.wire import WireSchema

SUFFIX = ".safetensors"
_LENGTH_BYTES = 8
_MAXIMUM_HEADER_BYTES = 100_000_000


def model_bytes(model: GlobalModel, schema: WireSchema) -> bytes:
    """Give the content of the model's file.

    Raises
    ------
    ModelFileError
        If the weights do not fit the schema.
    """
    if model.weights.shape != (schema.size,):
        raise ModelFileError("The weights do not have the size of the schema.")
    return (
        _head(model.job_digest, model.server_round, schema)
        + model.weights.astype("<f4", copy=False).tobytes()
    )


def save_model(folder: Path, model: GlobalModel, schema: WireSchema) -> tuple[Path, str]:
    """Write the model's file, atomically, and give its path and digest.

    Parameters
    ----------
    folder
        The file is named by its digest in here.
    """
    content = model_bytes(model, schema)
    digest = sha256_hex(content)
    path = folder / f"{digest}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path, digest


def load_model(path: Path, schema: WireSchema, job_digest: str) -> tuple[GlobalModel, str]:
    """Read a model's file and give the model and its digest.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged, or belongs to another job or schema.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError("The model file cannot be read.") from error
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    if length > _MAXIMUM_HEADER_BYTES or len(content) != start + schema.nbytes:
        raise ModelFileError("The model file does not have the size of the job's network.")
    try:
        metadata = json.loads(content[_LENGTH_BYTES:start])["__metadata__"]
        server_round = int(metadata["server_round"])
        owner = str(metadata["job_digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError("The model file has no readable header.") from error
    if owner != job_digest:
        raise ModelFileError("The model file belongs to another job.")
    if content[:start] != _head(job_digest, server_round, schema):
        raise ModelFileError("The model file describes another network.")
    weights = np.frombuffer(content, dtype="<f4", offset=start).astype(np.float32)
    if not np.isfinite(weights).all():
        raise ModelFileError("The model file holds values that are not finite.")
    return GlobalModel(job_digest, server_round, weights), sha256_hex(content)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _head(job_digest: str, server_round: int, schema: WireSchema) -> bytes:
    tensors: dict[str, object] = {}
    position = 0
    for parameter in schema.parameters:
        end = position + 4 * parameter.size
        tensors[parameter.name] = {
            "dtype": "F32",
            "shape": list(parameter.shape),
            "data_offsets": [position, end],
        }
        position = end
    tensors["__metadata__"] = {"job_digest": job_digest, "server_round": str(server_round)}
    header = canonical_json(tensors)
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(_LENGTH_BYTES, "little") + header
