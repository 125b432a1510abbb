"""Reviewed folders, a reviewer's key, and verdicts as the page saves them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # reviewed_folders, for the tests of this folder


@pytest.fixture
def folders(tmp_path):
    from reviewed_folders import make_folders

    return make_folders(tmp_path)


@pytest.fixture
def reviewer(tmp_path) -> str:
    from fedpacs.crypto.signatures import SigningKey

    SigningKey.create(tmp_path / "keys" / "reviewer.key")
    return f"file:{tmp_path / 'keys' / 'reviewer.key'}"


@pytest.fixture
def saved(tmp_path):
    """Give a function that saves a verdict on a sample, as the page does."""

    def save(sample, /, *, verdicts=None, drop=0, **changes):
        told = {
            "kind": "fedpacs review verdict 1",
            "sample": sample.digest,
            "seed": str(sample.seed),
            "size": len(sample.files),
            "verdicts": [
                {"name": file.name, "verdict": "pass", "remarks": []} for file in sample.files
            ][drop:],
        }
        for number, (verdict, remarks) in (verdicts or {}).items():
            told["verdicts"][number].update(verdict=verdict, remarks=remarks)
        path = tmp_path / "verdict.json"
        path.write_text(json.dumps({**told, **changes}))
        return path

    return save
