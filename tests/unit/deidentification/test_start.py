from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from fedpacs.deidentification.batch import run
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import explain, load_profile
from fedpacs.deidentification.study import deidentify_study
explain(load_profile("gdpr-pseudonymised"))
heavy = {"presidio_analyzer", "deid", "spacy", "torch", "tldextract", "pydicom", "requests", "gdcm"}
print(sorted(heavy & set(sys.modules)))
"""


def test_plain_deidentification_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
