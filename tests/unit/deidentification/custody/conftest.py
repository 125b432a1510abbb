"""Two custodians, whose keys are made once, and the key of a vault."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedpacs.crypto.custodians import Custodian, CustodianKey, create_custodian

sys.path.insert(0, str(Path(__file__).parent))  # sealed_objects, for the tests of this folder


@dataclass(frozen=True)
class Person:
    """A custodian with both halves of the key."""

    certificate: Custodian
    key: CustodianKey
    key_uri: str
    pem: str


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> tuple[Person, Person, Person]:
    found = []
    for name in ("Data protection officer", "Head of radiology", "A third person"):
        folder = tmp_path_factory.mktemp("custodian")
        certificate = create_custodian(folder, name)
        uri = f"file:{folder / 'custodian.key'}"
        pem = str(folder / "custodian.pem")
        found.append(Person(certificate, CustodianKey.load(uri), uri, pem))
    return tuple(found)


@pytest.fixture(scope="session")
def vault_key() -> bytes:
    return hashlib.sha256(b"the key of a vault in tests").digest()
