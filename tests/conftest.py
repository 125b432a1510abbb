"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the plugin below is a plain module of this folder

pytest_plugins = ["archives", "certificates"]
