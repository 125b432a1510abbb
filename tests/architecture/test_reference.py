from __future__ import annotations

import re
from pathlib import Path

from fedpacs.cli.document import commands, commands_page, errors_page

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {path for path, _ in commands()}


def typed(text: str) -> set[str]:
    """Find what a page tells people to type: `fedpacs` and its one or two words."""
    found = set()
    for noun, verb in re.findall(
        r"(?:^|[`$ /])fedpacs ([a-z]+)(?: ([a-z]+))?\b", text, re.MULTILINE
    ):
        words = f"fedpacs {noun}"
        found.add(words if words in COMMANDS or not verb else f"{words} {verb}")
    return found


def code_of(page: str) -> str:
    """Keep only what stands in code spans and code blocks."""
    blocks = re.findall(r"```.*?```", page, re.DOTALL)
    spans = re.findall(r"`[^`\n]+`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    return "\n".join(blocks + spans)


def test_the_page_of_errors_is_what_the_program_says():
    assert (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8") == errors_page()


def test_the_page_of_commands_is_what_the_program_says():
    assert (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8") == commands_page()


def test_the_readme_names_every_command_and_no_other():
    assert typed(code_of((ROOT / "README.md").read_text(encoding="utf-8"))) == COMMANDS


def test_no_page_tells_people_to_type_a_command_that_does_not_exist():
    nouns = {path.rsplit(" ", 1)[0] for path in COMMANDS}
    for page in (ROOT / "docs").rglob("*.md"):
        unknown = typed(code_of(page.read_text(encoding="utf-8"))) - COMMANDS - nouns
        assert not unknown, page.name
