"""The generator of ``docs/reference/profiles``: a page for each shipped profile.

Run as ``python -m fedpacs.deidentification.document [FOLDER]``; a test holds the pages to it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.config.shipped import shipped
from fedpacs.deidentification.answers import object_rules
from fedpacs.deidentification.explanation import (
    deed,
    keyword,
    named,
    principles,
    summary,
    title,
)
from fedpacs.deidentification.profile import load_profile

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Profile

_ANSWERS = {"yes": "taken", "stated": "taken when BurnedInAnnotation is NO"}
_NEEDS = {
    "pixels=clean": "pictures are cleaned",
    "documents=remove": "documents are replaced",
    "descriptors": "descriptors are cleaned",
    "structured": "structured content is cleaned",
    "graphics": "graphics are cleaned",
    "never": "",
}


def profile_names() -> list[str]:
    """Names of the shipped profiles."""
    return sorted(path.stem for path in shipped("configs", "profiles").glob("*.toml"))


def page(profile: Profile) -> str:
    """Give the page of a profile, in Markdown."""
    lines = [
        f"# Profile `{profile.name}`",
        "",
        "Written by `python -m fedpacs.deidentification.document`; do not edit.",
        "Law is for counsel: the claim is what the profile does, not legal advice.",
        "",
        *(f"- {text}" for text in (*summary(profile), *principles(profile)) if _lasts(text)),
        "",
        "## Attributes",
        "",
        "Every row of Table E.1-1 and every rule of our own. Any other attribute of the standard",
        f"goes by its VR; `fedpacs deid explain {profile.name} ATTRIBUTE` says how.",
        "",
        "| attribute | keyword | code | what is done | by |",
        "|---|---|---|---|---|",
    ]
    for tag in named(profile):
        rule = profile.rules[tag]
        cells = (
            title(tag), keyword(tag), rule.action, deed(rule, profile, tag),
            f"{rule.source}, {rule.clause}",
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _lasts(text: str) -> bool:
    """Tell whether a sentence holds for longer than the data files of one version."""
    return not text.startswith("Digest: ")


def kinds_page() -> str:
    """Give the page of the kinds of objects that are taken or refused."""
    lines = [
        "# Kinds of objects",
        "",
        "Written by `python -m fedpacs.deidentification.document`; do not edit. Whether a kind is",
        "taken may depend on what the profile does; a kind without a line of its own goes by the",
        "last line.",
        "",
        "| SOP class | UID | answer | taken when | reason |",
        "|---|---|---|---|---|",
    ]
    for uid, rule in object_rules().items():
        said = _ANSWERS.get(rule.answer, f"refused, `{rule.answer}`")
        needs = " and ".join(filter(None, (_NEEDS[need] for need in rule.needs)))
        lines.append(f"| {rule.name} | {uid} | {said} | {needs} | {rule.reason} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Give every page by file name."""
    found = {f"{name}.md": page(load_profile(name)) for name in profile_names()}
    return {**found, "kinds-of-objects.md": kinds_page()}


def main(arguments: list[str]) -> int:
    """Write the pages."""
    folder = Path(arguments[1]) if len(arguments) > 1 else Path("docs/reference/profiles")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
