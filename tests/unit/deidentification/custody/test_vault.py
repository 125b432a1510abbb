"""Codes are drawn from nothing, stay the same, and are safe from workers, kills and hands."""

from __future__ import annotations

import csv
import hashlib
import multiprocessing
import os
import re
import resource
import signal
import sqlite3
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from fedpacs.crypto.errors import EmptyIdentityError, KeyWeakError
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.custody.errors import (
    CustodiansError,
    ExportRefusedError,
    VaultDamagedError,
    VaultExistsError,
    VaultExposedError,
    VaultKeyError,
    VaultMissingError,
)
from fedpacs.deidentification.custody.vault import Vault
from fedpacs.deidentification.custody.vault_export import export_log, export_vault

KEY = hashlib.sha256(b"the key of a vault in tests").digest()
OTHER_KEY = hashlib.sha256(b"another key").digest()


@pytest.fixture
def path(tmp_path):
    Vault.create(tmp_path / "vault", KEY)
    return tmp_path / "vault"


@pytest.fixture
def sealed_path(tmp_path, people):
    path = tmp_path / "sealed vault"
    Vault.create(path, KEY, [people[0].certificate, people[1].certificate])
    return path


def test_codes_have_the_forms_of_pseudonyms_and_stay_the_same(path):
    with Vault.open(path, KEY) as vault:
        first = (vault.uid("1.2.3"), vault.patient("4711"), vault.identifier("accession", "A1"))
        shift = vault.shift_days("4711")
    assert UID(first[0]).is_valid
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", first[0])
    assert re.fullmatch(r"P-[A-Z2-7]{16}", first[1])
    assert re.fullmatch(r"[A-Z2-7]{16}", first[2])
    assert shift % 7 == 0
    assert -1827 <= shift <= -7
    with Vault.open(path, KEY) as vault:
        assert first == (
            vault.uid("1.2.3 \0"), vault.patient(" 4711"), vault.identifier("accession", "A1"),
        )  # fmt: skip
        assert shift == vault.shift_days("4711")
        assert vault.status().codes == 4


def test_codes_are_derived_from_nothing(tmp_path):
    """Two vaults under one key give one patient two codes: so no code is a function of both."""
    codes = set()
    for name in ("one", "two"):
        Vault.create(tmp_path / name, KEY)
        with Vault.open(tmp_path / name, KEY) as vault:
            codes |= {vault.uid("1.2.3"), vault.patient("4711"), vault.identifier("a", "4711")}
    assert len(codes) == 6
    ours = Pseudonymiser(KEY)
    assert not codes & {ours.uid("1.2.3"), ours.patient("4711"), ours.identifier("a", "4711")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(one=st.text(min_size=1, max_size=20), other=st.text(min_size=1, max_size=20))
def test_two_values_share_a_code_only_if_they_are_the_same(path, one, other):
    with Vault.open(path, KEY) as vault:
        if not one.strip(" \0") or not other.strip(" \0"):
            return
        same = vault.uid(one) == vault.uid(other)
    assert same is (one.strip(" \0") == other.strip(" \0"))


def test_purposes_do_not_run_into_values(path):
    with Vault.open(path, KEY) as vault:
        assert vault.identifier("ab", "c") != vault.identifier("a", "bc")


@pytest.mark.parametrize("nothing", ["", " ", "\0"])
def test_nothing_has_no_code(path, nothing):
    with Vault.open(path, KEY) as vault:
        for ask in (vault.uid, vault.patient, vault.shift_days):
            with pytest.raises(EmptyIdentityError):
                ask(nothing)
        assert vault.status().codes == 0


def test_no_old_value_is_in_the_file(sealed_path, path):
    for where in (path, sealed_path):
        with Vault.open(where, KEY) as vault:
            vault.patient("PAT-0815-XY")
            vault.uid("1.2.826.0.1.3680043.9.7433.1")
            vault.identifier("accession", "Łukasiewicz")
        content = b"".join(p.read_bytes() for p in where.parent.glob(f"{where.name}*"))
        for old in ("PAT-0815", "3680043", "Łukasiewicz"):
            assert old.encode() not in content
            assert old.encode("utf-16-le") not in content


def test_the_files_are_their_owners_only(path):
    with Vault.open(path, KEY) as vault:
        vault.patient("4711")
        files = list(path.parent.iterdir())
        assert {f.name for f in files} == {"vault", "vault-wal", "vault-shm"}
        assert all(f.stat().st_mode & 0o077 == 0 for f in files)
    path.chmod(0o640)
    with pytest.raises(VaultExposedError):
        Vault.open(path, KEY)


def test_another_key_is_refused(path):
    with pytest.raises(VaultKeyError) as caught:
        Vault.open(path, OTHER_KEY)
    assert caught.value.code == "deid.vault-key"
    with pytest.raises(KeyWeakError):
        Vault.open(path, bytes(32))


def test_what_is_no_vault_is_refused(tmp_path):
    with pytest.raises(VaultMissingError):
        Vault.open(tmp_path / "nowhere", KEY)
    for content in (b"", b"not a database" * 100):
        (tmp_path / "file").write_bytes(content)
        (tmp_path / "file").chmod(0o600)
        with pytest.raises(VaultDamagedError):
            Vault.open(tmp_path / "file", KEY)


def test_nothing_is_ever_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(VaultExistsError):
        Vault.create(path, KEY)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["vault"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE codes SET code = 'P-AAAAAAAAAAAAAAAA'",
        "UPDATE codes SET digest = zeroblob(16), code = code",
        "UPDATE meta SET value = zeroblob(16) WHERE name = 'identity'",
    ],
)
def test_a_changed_row_is_noticed(path, change):
    with Vault.open(path, KEY) as vault:
        code = vault.patient("4711")
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    if "digest" in change:  # a row that is hidden is not found; its code is never given to another
        with Vault.open(path, KEY) as vault:
            assert vault.patient("4711") != code
        return
    with pytest.raises((VaultDamagedError, VaultKeyError)), Vault.open(path, KEY) as vault:
        vault.patient("4711")


def _work(path, start, results):
    with Vault.open(path, KEY) as vault:
        results.put([(i, vault.uid(f"1.2.{i}")) for i in range(start, start + 60)])


def test_many_workers_at_once_give_one_code_to_one_value(path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_work, args=(path, 20 * n, results)) for n in range(3)]
    for worker in workers:
        worker.start()
    answers = [pair for _ in workers for pair in results.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert len(answers) == 180
    assert len(dict(answers)) == 100
    assert len(set(answers)) == 100
    with Vault.open(path, KEY) as vault:
        assert vault.status().codes == 100


def _draw_for_ever(path, told):
    with Vault.open(path, KEY) as vault:
        for i in range(10**9):
            told.send((i, vault.uid(f"1.2.{i}")))


def test_a_kill_loses_no_code_that_was_given(path):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_draw_for_ever, args=(path, theirs))
    worker.start()
    theirs.close()
    given_out = [ours.recv() for _ in range(200)]
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with Vault.open(path, KEY) as vault:
        assert all(vault.uid(f"1.2.{i}") == code for i, code in given_out)


def test_it_is_quick_and_memory_stays_flat(path):
    with Vault.open(path, KEY) as vault:
        vault.patient("4711")
        started = time.process_time()
        for _ in range(20_000):
            vault.patient("4711")
        assert (time.process_time() - started) / 20_000 < 50e-6
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for i in range(50_000):
            vault._remember(i.to_bytes(16, "big"), "2.25." + "1" * 39)
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert len(vault._cache) + len(vault._older) <= 40_000
        assert grown_mb < 40


def test_repr_and_pickle_give_nothing_away(path):
    import pickle

    with Vault.open(path, KEY) as vault:
        assert repr(vault) == "Vault()"
        with pytest.raises(TypeError):
            pickle.dumps(vault)


def _fill(path):
    with Vault.open(path, KEY) as vault:
        return vault.patient("PAT-0815"), vault.identifier("accession", "=1+1"), vault.uid("1.2.3")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_custodians_together_export_what_each_code_stands_for(
    sealed_path, people, tmp_path, order
):
    patient, accession, uid = _fill(sealed_path)
    _fill(sealed_path)
    to = tmp_path / "export" / "table.csv"
    line = export_vault(sealed_path, KEY, [people[i].key for i in order], to)
    assert to.stat().st_mode & 0o777 == 0o600
    assert list(csv.reader(to.read_text(encoding="utf-8").splitlines())) == [
        ["kind", "purpose", "code", "original"],
        ["patient", "", patient, "PAT-0815"],
        ["identifier", "accession", accession, "'=1+1"],
        ["uid", "", uid, "1.2.3"],
    ]
    assert (line.number, line.codes) == (1, 3)
    assert export_log(sealed_path, KEY) == (line,)
    assert [p.name for p in to.parent.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("who", [(), (0,), (0, 0), (0, 2), (2,), (0, 1, 2)])
def test_one_person_cannot_export(sealed_path, people, tmp_path, who):
    _fill(sealed_path)
    with pytest.raises(ExportRefusedError):
        export_vault(sealed_path, KEY, [people[i].key for i in who], tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()
    assert export_log(sealed_path, KEY) == ()


def test_every_export_leaves_a_line_that_cannot_be_changed(sealed_path, people, tmp_path):
    _fill(sealed_path)
    keys = [people[0].key, people[1].key]
    for n in (1, 2):
        assert export_vault(sealed_path, KEY, keys, tmp_path / f"{n}.csv").number == n
    with pytest.raises(VaultExistsError):
        export_vault(sealed_path, KEY, keys, tmp_path / "1.csv")
    for change in ("DELETE FROM exports WHERE number = 1", "UPDATE exports SET line = '{}'"):
        connection = sqlite3.connect(sealed_path)
        connection.execute("SAVEPOINT before")
        connection.execute(change)
        connection.commit()
        connection.close()
        with pytest.raises(VaultDamagedError):
            export_log(sealed_path, KEY)


def test_an_old_value_moved_to_another_code_does_not_open(sealed_path, people, tmp_path):
    _fill(sealed_path)
    connection = sqlite3.connect(sealed_path)
    connection.execute(
        "UPDATE codes SET sealed = (SELECT sealed FROM codes WHERE number = 1) WHERE number = 3"
    )
    connection.commit()
    connection.close()
    with pytest.raises(VaultDamagedError):
        export_vault(sealed_path, KEY, [people[0].key, people[1].key], tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


def test_a_vault_without_custodians_holds_no_old_value_to_export(path, people, tmp_path):
    _fill(path)
    with Vault.open(path, KEY) as vault:
        assert (vault.status().codes, vault.status().sealed) == (3, 0)
    with pytest.raises(CustodiansError):
        export_vault(path, KEY, [people[0].key, people[1].key], tmp_path / "t.csv")


def test_a_vault_has_two_different_custodians_or_none(tmp_path, people):
    for who in ((0,), (0, 0), (0, 1, 2)):
        with pytest.raises(CustodiansError):
            Vault.create(tmp_path / "v", KEY, [people[i].certificate for i in who])
    assert list(tmp_path.iterdir()) == []
