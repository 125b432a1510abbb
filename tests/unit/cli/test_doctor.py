from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fedpacs.agent import doctor as subject
from fedpacs.agent.doctor import doctor


def test_doctor_looks_at_everything_and_puts_what_is_required_first(tmp_path):
    items = doctor(tmp_path)
    names = " ".join(item.name for item in items)
    for word in (
        "Python 3.",
        "flwr 1.41",
        "pydicom 3.",
        "torch computes",
        "command flower-supernode",
        "free disk",
        "loopback",
        "NTP",
        "Flower silent",
        "Orthanc",
        "dcmqrscp",
        "Chromium",
    ):
        assert word in names
    required = [item.required for item in items]
    assert required == sorted(required, reverse=True)
    assert all(item.passed for item in items if item.required)
    assert all((item.code == "ok") == item.passed for item in items)


@pytest.mark.parametrize(
    ("version", "passed"), [((3, 10), False), ((3, 11), True), ((3, 13), False)]
)
def test_only_the_supported_pythons_pass(version, passed):
    item = subject._python(version)
    assert item.passed is passed
    assert passed or "PYTHON=python3.11" in item.advice


def test_a_missing_package_and_a_wrong_version_say_what_to_type():
    missing = subject._package("fedpacs-no-such-package", ">=1")
    assert missing.code == "machine.package-missing"
    assert "pip install 'fedpacs-no-such-package>=1'" in missing.advice
    wrong = subject._package("numpy", ">=99")
    assert wrong.code == "machine.package-version"
    assert "pip install 'numpy>=99'" in wrong.advice
    assert subject._package("numpy", ">=2").passed


def test_a_distribution_that_is_not_installed_is_told():
    (item,) = subject._packages("fedpacs-no-such-package")
    assert item.code == "machine.not-installed"


def test_a_missing_flower_command_is_told():
    assert subject._flower_command("flower-supernode").passed
    missing = subject._flower_command("flower-no-such-command")
    assert missing.code == "machine.flower-command"
    assert missing.required


def test_a_full_disk_fails(tmp_path):
    assert subject._disk(tmp_path, wanted_bytes=0).passed
    full = subject._disk(tmp_path, wanted_bytes=2**80)
    assert full.code == "machine.disk"
    assert full.required


@pytest.mark.parametrize(("state", "passed"), [(0, True), (5, False), (-1, False), (None, False)])
def test_a_clock_that_nobody_keeps_is_a_note(state, passed):
    item = subject._clock(lambda: state)
    assert item.passed is passed
    assert item.required is False
    assert passed or "apt-get install chrony" in item.advice


def test_the_kernel_is_asked_for_its_clock():
    assert subject._clock_state() in {None, 0, 1, 2, 3, 4, 5}


def test_switches_of_flower_are_read_from_the_environment():
    off = dict(subject.SILENT_SWITCHES)
    assert subject._silence(off).passed
    for environment in ({}, {**off, "FLWR_TELEMETRY_ENABLED": "1"}):
        item = subject._silence(environment)
        assert not item.passed
        assert item.required is False
        assert "export FLWR_TELEMETRY_ENABLED=0" in item.advice


def test_an_optional_system_package_comes_with_its_apt_command():
    item = subject._system_package("X", ("fedpacs-no-such-command",), "x-package", "tests")
    assert not item.passed
    assert item.required is False
    assert "sudo apt-get install x-package" in item.advice
    assert subject._system_package("sh", ("fedpacs-no-such-command", "sh"), "dash", "").passed


def test_the_command_prints_one_document_and_ends_with_zero_on_a_good_machine():
    ended = subprocess.run(
        [sys.executable, "-m", "fedpacs.cli.main", "doctor", "--json"],
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    document = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert document["passed"] is True
    orthanc = next(check for check in document["checks"] if check["name"] == "Orthanc")
    assert orthanc["passed"] is False
    assert orthanc["code"] == "machine.system-package"


def test_the_command_fails_with_the_machines_status_when_something_required_is_missing(tmp_path):
    # a torch that does not import, first on the path: the doctor's own question must notice
    (tmp_path / "torch.py").write_text("raise ImportError('broken build')")
    ended = subprocess.run(
        [sys.executable, "-m", "fedpacs.cli.main", "doctor"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 3
    assert " FAIL  torch computes" in ended.stdout
    assert "error[machine.incomplete]: 1 of" in ended.stderr
    assert "next: Follow the advice under each FAIL" in ended.stderr
