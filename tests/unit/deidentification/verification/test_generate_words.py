from __future__ import annotations

from importlib.resources import files

import pytest

from fedpacs.deidentification.verification.generate_words import generate, main

NAMES = ("phrases.txt", "vocabulary.txt")


@pytest.mark.parametrize("name", NAMES)
def test_the_lists_hold_what_the_dictionaries_say(name):
    shipped = files("fedpacs.deidentification.verification").joinpath(name).read_text("utf-8")
    assert shipped == generate()[name]


def test_the_generator_writes_both_lists(tmp_path):
    assert main(["generate_words", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert main(["generate_words"]) == 2
