"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the plugins below are plain modules of this folder

pytest_plugins = ["archives", "certificates", "postgres"]
