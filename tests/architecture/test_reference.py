from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fedpacs
from fedpacs.cli.document import commands, commands_page, errors_page
from fedpacs.quality.document import quality_page

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = dict(commands())
GROUPS = {path.rpartition(" ")[0] for path in COMMANDS}
TYPED = re.compile(r"(?:^|[`$ /])(?<!from )fedpacs ([a-z]+)(?: ([a-z]+))?([^`\n]*)", re.MULTILINE)


def typed(text: str) -> dict[str, set[str]]:
    """Find what a text tells people to type: each command with the options named."""
    found: dict[str, set[str]] = {}
    for noun, verb, rest in TYPED.findall(text):
        words = f"fedpacs {noun}"
        if words not in COMMANDS and verb:
            words += f" {verb}"
        third = rest.split()[:1]
        if third and f"{words} {third[0]}" in COMMANDS:
            words += f" {third[0]}"
        found.setdefault(words, set()).update(re.findall(r"--[a-z][a-z-]*", rest))
    return found


def unknown(text: str) -> list[str]:
    """Find commands and options that the program does not have."""
    wrong = []
    for words, options in typed(text).items():
        if words in COMMANDS:
            parameters = COMMANDS[words].command.params
            known = {"--help", *(name for p in parameters for name in p.opts)}
            wrong += [f"{words} {option}" for option in sorted(options - known)]
        elif words not in GROUPS:
            wrong.append(words)
    return wrong


def code_of(page: str) -> str:
    """Keep only what stands in code spans and code blocks."""
    blocks = re.findall(r"```.*?```", page, re.DOTALL)
    spans = re.findall(r"`[^`\n]+`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    return "\n".join(blocks + spans)


def test_the_page_of_errors_is_what_the_program_says():
    assert (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8") == errors_page()


def test_the_page_of_quality_control_is_what_the_program_says():
    assert (ROOT / "docs/reference/quality.md").read_text(encoding="utf-8") == quality_page()


def test_the_page_of_commands_is_what_the_program_says():
    assert (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8") == commands_page()


def test_the_readme_names_every_command_and_no_other():
    page = code_of((ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(COMMANDS) - set(typed(page)) == set()
    assert unknown(page) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_a_page_tells_people_to_type_only_what_exists(page):
    assert unknown(code_of(page.read_text(encoding="utf-8"))) == []


def test_a_hint_tells_people_to_type_only_what_exists():
    wrong = []
    for path in sorted(Path(fedpacs.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                spans = "\n".join(re.findall(r"`[^`\n]+`", node.value))
                wrong += [f"{path.name}: {what}" for what in unknown(spans)]
    assert wrong == []


def test_a_command_that_does_not_exist_is_noticed():
    assert unknown("`fedpacs site chekc --site x`") == ["fedpacs site chekc"]
    assert unknown("`fedpacs site check --sight x`") == ["fedpacs site check --sight"]
    assert unknown("`fedpacs demo --fresh`, `fedpacs site`") == []
