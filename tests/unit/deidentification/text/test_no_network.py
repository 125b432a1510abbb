"""Presidio works without the network."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import socket

def blocked(*arguments, **named):
    raise RuntimeError("a connection was tried")

socket.socket.connect = blocked
socket.create_connection = blocked
socket.getaddrinfo = blocked
from fedpacs.deidentification.text.cleaning import IdentityTerms, clean_text, compile_terms
from fedpacs.deidentification.text.presidio import presidio_spans

text = "card 4111 1111 1111 1111, mail a.b@hospital.example, see www.clinic.co.uk, 123-45-6789"
found = {text[start:end] for start, end in presidio_spans(text, [])}
assert "4111 1111 1111 1111" in found, "Presidio did not work"
assert clean_text(text, compile_terms(IdentityTerms()), "clean") == "card mail see"
"""


def test_presidio_finds_what_it_should_with_every_socket_blocked():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_presidio_is_imported_by_the_text_that_needs_it_alone():
    program = (
        "import sys\n"
        "from fedpacs.deidentification.text.cleaning import *\n"
        "clean_text('CT CHEST 5 mm for Mr Smith', compile_terms(IdentityTerms()), 'clean')\n"
        "assert not any(name.startswith('presidio') for name in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
