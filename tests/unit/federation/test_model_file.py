from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from fedpacs.core.update import GlobalModel
from fedpacs.core.wire import WireSchema
from fedpacs.federation.errors import ModelFileError
from fedpacs.federation.model_file import load_model, model_bytes, save_model

JOB = "c" * 64


@pytest.fixture
def model(schema):
    return GlobalModel(JOB, 7, np.arange(schema.size, dtype=np.float32) / 3)


def test_a_model_comes_back_as_it_was(tmp_path, model, schema):
    path, digest = save_model(tmp_path / "models", model, schema)
    read, read_digest = load_model(path, schema, JOB)
    assert (read.job_digest, read.server_round) == (JOB, 7)
    assert read.weights.tobytes() == model.weights.tobytes()
    assert read_digest == digest == path.stem == hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_is_a_safetensors_file(model, schema):
    """https://github.com/huggingface/safetensors#format, read here by its description alone."""
    content = model_bytes(model, schema)
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__") == {"job_digest": JOB, "server_round": "7"}
    for parameter, start in zip(schema.parameters, (0, 6, 8), strict=True):
        entry = header.pop(parameter.name)
        low, high = (8 + length + offset for offset in entry["data_offsets"])
        tensor = np.frombuffer(content[low:high], "<f4").reshape(entry["shape"])
        assert entry["dtype"] == "F32"
        assert tensor.shape == parameter.shape
        assert np.array_equal(tensor.ravel(), model.weights[start : start + parameter.size])
    assert not header


def test_no_half_written_file_is_left(tmp_path, model, schema):
    path, _ = save_model(tmp_path, model, schema)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: content[:20] + b"!" + content[21:],
        lambda content: content[:-4] + np.float32(np.nan).tobytes(),
        lambda _: b"",
    ],
)
def test_a_damaged_file_is_refused(tmp_path, model, schema, damage):
    path, _ = save_model(tmp_path, model, schema)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelFileError):
        load_model(path, schema, JOB)


def test_a_model_of_another_job_or_network_is_refused(tmp_path, model, schema):
    path, _ = save_model(tmp_path, model, schema)
    with pytest.raises(ModelFileError):
        load_model(path, schema, "d" * 64)
    other = WireSchema.of({"other.weight": (2, 3), "body.bias": (2,), "scale": ()}, schema.metrics)
    assert other.size == schema.size
    with pytest.raises(ModelFileError):
        load_model(path, other, JOB)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "absent", schema, JOB)
    with pytest.raises(ModelFileError):
        model_bytes(GlobalModel(JOB, 0, np.zeros(2, np.float32)), schema)
