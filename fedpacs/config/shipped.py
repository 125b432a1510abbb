"""Where the shipped ``configs/`` and ``sites/`` lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from fedpacs.core.errors import MachineError

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(*parts: str) -> Path:
    """Path of a shipped file or folder, for example ``shipped("configs", "jobs")``.

    Raises
    ------
    MachineError
        If the installation lacks it.
    """
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise MachineError(
        f"This installation lacks {'/'.join(parts)}.", hint="Reinstall FedPACS: `pip install .`"
    )
