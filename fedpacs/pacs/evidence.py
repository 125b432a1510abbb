"""What a probe found, kept in a file: how the choice of a way was made can be shown later.

The file holds codes, times, our own words and the two application entities of the site file;
nothing of a patient. It counts only for the very [pacs] block that it was written for.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fedpacs.core.digest import sha256_hex

if TYPE_CHECKING:
    from fedpacs.config.pacs import DicomwebPacs, DimsePacs, FolderPacs, PushPacs
    from fedpacs.pacs.ports import ProbeStep

    AnyPacs = DimsePacs | DicomwebPacs | FolderPacs | PushPacs

_LOGGER = logging.getLogger(__name__)
_FORMAT = "fedpacs-pacs-evidence/1"


def keep(pacs: AnyPacs, steps: tuple[ProbeStep, ...]) -> None:
    """Write the evidence of a probe; the last one replaces those before it.

    A relative path belongs to no site file, and nothing is written.
    """
    path = pacs.evidence
    if not path.is_absolute():
        return
    content = {
        "format": _FORMAT,
        "probed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "block": block_digest(pacs),
        "kind": pacs.kind,
        "passed": bool(steps) and all(step.passed for step in steps),
        "chosen": next((step.method for step in steps if step.passed and step.method), ""),
        "steps": [_plain(step) for step in steps],
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(json.dumps(content, indent=2) + "\n")
        partial.chmod(0o600)
        partial.replace(path)
    except OSError as error:
        _LOGGER.warning(
            "cannot keep the evidence of the probe: errno %s",
            error.errno,
            extra={"code": "pacs.evidence-not-kept"},
        )


def chosen(pacs: AnyPacs) -> str:
    """Give the way that the last probe of this very block chose; empty when there is none."""
    try:
        content = json.loads(pacs.evidence.read_text()) if pacs.evidence.is_absolute() else {}
    except (OSError, ValueError):
        return ""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return ""
    if content.get("block") != block_digest(pacs) or not content.get("passed"):
        return ""
    return str(content.get("chosen", ""))


def block_digest(pacs: AnyPacs) -> str:
    """Digest of the [pacs] block: other settings, other evidence."""
    return sha256_hex(json.dumps(pacs.model_dump(mode="json"), sort_keys=True).encode())


def _plain(step: ProbeStep) -> dict[str, Any]:
    return {
        "name": step.name,
        "passed": step.passed,
        "elapsed_s": step.elapsed_s,
        "code": step.code,
        "advice": step.advice,
        "method": step.method,
        "tried": [_plain(earlier) for earlier in step.tried],
    }
