from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([A-Za-z0-9_.-]+)==(\S+)$", (ROOT / ".ci/constraints.txt").read_text(), re.MULTILINE
    )
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("line", WANTED)
def test_every_dependency_is_pinned_within_the_range_the_project_asks_for(line):
    requirement = Requirement(line)
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


SKIPPING = {
    "mark": "import pytest\n@pytest.mark.skip(reason='no Orthanc')\ndef test_it(): pass\n",
    "call": "import pytest\ndef test_it(): pytest.skip('no Orthanc')\n",
    "fixture": "import pytest\n@pytest.fixture\ndef archive(): pytest.skip('no Orthanc')\n"
    "def test_it(archive): pass\n",
    "module": "import pytest\npytest.skip('no Orthanc', allow_module_level=True)\n",
}


def pytest_in(folder: Path, source: str, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no_skips", "-q", "-c", os.devnull, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ci"), "CI": ci, "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way", SKIPPING)
def test_in_ci_a_skipped_test_fails_the_run_and_elsewhere_it_does_not(tmp_path, way):
    ended = pytest_in(tmp_path, SKIPPING[way], ci="true")
    assert ended.returncode not in {0, 5}
    assert "CI skips nothing" in ended.stdout
    assert "no Orthanc" in ended.stdout
    assert pytest_in(tmp_path, SKIPPING[way], ci="false").returncode in {0, 5}


def test_in_ci_an_expected_failure_is_not_a_skipped_test(tmp_path):
    source = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): assert False\n"
    assert pytest_in(tmp_path, source, ci="true").returncode == 0


def test_ci_checks_everything_that_the_makefile_can():
    script = (ROOT / ".ci/run").read_text()
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script
    assert os.access(ROOT / ".ci/run", os.X_OK)
    would = subprocess.run(
        ["make", "-n", "check", "test", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for command in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest", "demo"):
        assert command in would
