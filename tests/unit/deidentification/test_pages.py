from __future__ import annotations

from pathlib import Path

import pytest

from fedpacs.deidentification.document import main, pages

PAGES = pages()
FOLDER = Path(__file__).resolve().parents[3] / "docs" / "reference" / "profiles"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_says_what_the_profile_does(name):
    assert (FOLDER / name).read_text("utf-8") == PAGES[name], (
        "run `python -m fedpacs.deidentification.document`"
    )


def test_there_is_no_page_without_a_profile():
    assert {path.name for path in FOLDER.glob("*.md")} == set(PAGES)


def test_the_generator_writes_the_pages(tmp_path):
    assert main(["document", str(tmp_path / "pages")]) == 0
    assert {path.name for path in (tmp_path / "pages").iterdir()} == set(PAGES)
