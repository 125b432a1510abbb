"""Errors of faces; each one puts the object into quarantine under its code."""

from __future__ import annotations

from fedpacs.core.errors import DeidentificationError


class FaceVisibleError(DeidentificationError):
    """The object shows, or may show, a head from which a face could be recognized."""

    code = "deid.face-visible"
    default_hint = (
        "Use a profile that defaces heads, or one that keeps faces if the output stays inside; "
        "photographs are refused by both."
    )


class FaceNotFoundError(DeidentificationError):
    """The face in a head could not be found with certainty, so it could not be removed."""

    code = "deid.face-not-found"
    default_hint = (
        "De-identify the whole series, or the whole study, at once: a face is found in a volume. "
        "If it was whole, have a person look at it; it may show no head, or one in parts."
    )
