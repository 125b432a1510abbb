from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest

from fedpacs.agent.doctor import CheckItem
from fedpacs.cli.output import plain, show, show_checks, value_text


class Part(StrEnum):
    TRAIN = "train"


@dataclass(frozen=True, slots=True)
class Inner:
    name: str
    elapsed_s: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Report:
    part: Part
    at: datetime
    file: Path
    counts: MappingProxyType
    steps: tuple[Inner, ...]
    codes: frozenset[str]
    bytes_per_round: int
    advice: str = ""
    _hidden: int = 3


REPORT = Report(
    part=Part.TRAIN,
    at=datetime(2026, 1, 2, tzinfo=UTC),
    file=Path("out/report.html"),
    counts=MappingProxyType({Part.TRAIN: 12}),
    steps=(Inner("tcp", 0.0123, True), Inner("c-echo", 2.5, False)),
    codes=frozenset({"b", "a"}),
    bytes_per_round=1_234_567,
)


def test_json_is_one_document_with_everything_of_the_report(capsys):
    show(REPORT, as_json=True, next_step="never shown to machines")
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "part": "train",
        "at": "2026-01-02T00:00:00+00:00",
        "file": "out/report.html",
        "counts": {"train": 12},
        "steps": [
            {"name": "tcp", "elapsed_s": 0.0123, "passed": True},
            {"name": "c-echo", "elapsed_s": 2.5, "passed": False},
        ],
        "codes": ["a", "b"],
        "bytes_per_round": 1_234_567,
        "advice": "",
    }


def test_people_get_aligned_words_units_and_a_next_step(capsys):
    show(REPORT, as_json=False, next_step="`fedpacs demo`")
    out = capsys.readouterr().out
    lines = [line.rstrip() for line in out.splitlines()]
    assert "part             train" in lines
    assert "bytes per round  1.2 MB" in lines
    assert "codes            a, b" in lines
    assert "advice           -" in lines
    assert any("tcp" in line and "12 ms" in line and "yes" in line for line in lines)
    assert any("c-echo" in line and "2.5 s" in line and "no" in line for line in lines)
    assert lines[-1] == "Next: `fedpacs demo`"


@pytest.mark.parametrize("value", [b"bytes", object(), Inner, 1j])
def test_what_is_not_plain_data_does_not_get_out(value):
    with pytest.raises(TypeError):
        plain({"field": value})


def test_json_refuses_numbers_that_json_does_not_have():
    with pytest.raises(ValueError, match="JSON"):
        show({"loss": float("nan")}, as_json=True)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("elapsed_s", 0.5, "500 ms"),
        ("elapsed_s", 61.25, "61.2 s"),
        ("free_bytes", 512, "512 B"),
        ("bytes_sent", 2_500_000_000, "2.5 GB"),
        ("spacing_mm", 1.5, "1.5 mm"),
        ("shift_days", 14, "14 days"),
        ("instances", 12345, "12,345"),
        ("dice", 0.87654321, "0.8765"),
        ("passed", True, "yes"),
        ("code", None, "-"),
    ],
)
def test_a_number_carries_the_unit_of_its_name(name, value, text):
    assert value_text(name, value) == text


def test_a_failed_check_says_what_to_do_and_an_optional_one_is_a_note(capsys):
    show_checks(
        (
            CheckItem("Python 3.11", True, "ok", "supported"),
            CheckItem("torch", False, "machine.torch", "Install it: `pip install torch`"),
            CheckItem("Orthanc", False, "machine.system-package", "apt", required=False),
        )
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  ok   Python 3.11  supported",
        " FAIL  torch",
        "       Install it: `pip install torch`  [machine.torch]",
        " note  Orthanc",
        "       apt  [machine.system-package]",
    ]
