"""Puts the shared makers of synthetic series on the import path."""

from __future__ import annotations

import sys
from pathlib import Path

_MAKERS = str(Path(__file__).resolve().parents[1] / "cohort")
if _MAKERS not in sys.path:
    sys.path.append(_MAKERS)
