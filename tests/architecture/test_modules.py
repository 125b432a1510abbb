from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fedpacs

ROOT = Path(fedpacs.__path__[0])
MODULES = sorted(p for p in ROOT.rglob("*.py") if "_shipped" not in p.parts)
LONGEST = 300

LIGHT = ("core", "config", "crypto", "policy", "records", "cli")
HEAVY = ("torch", "monai", "flwr", "presidio_analyzer", "highdicom")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_one_idea_and_says_it_first(path):
    text = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    if path == ROOT / "__init__.py":
        assert text == ""
        return
    assert docstring.partition("\n")[0].strip(), "the first line says what the module is"
    lines = text.count("\n")
    assert lines <= LONGEST or "300 lines" in docstring, (
        f"{lines} lines: split it, or say why it is over 300 lines in its docstring"
    )


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=name)
def test_an_init_holds_only_its_docstring(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert len(body) == (0 if path.parent == ROOT else 1)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_module_is_a_drawer_for_leftovers(path):
    assert path.stem not in {"utils", "util", "helpers", "misc", "common"}


def test_the_light_floors_import_nothing_heavy():
    names = [
        ".".join(("fedpacs", *path.relative_to(ROOT).with_suffix("").parts))
        for path in MODULES
        if path.relative_to(ROOT).parts[0] in LIGHT and path.stem not in {"__init__", "__main__"}
    ]
    assert len(names) > 30
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
