"""Guarding faces: what a profile's policy means for one object.

References
----------
PS3.15 E.3.2 (Clean Recognizable Visual Features Option).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.faces.errors import FaceNotFoundError, FaceVisibleError
from fedpacs.deidentification.faces.kinds import Showing, showing_of

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.cleaning import PixelOutcome


class FaceGuard:
    """Keeps faces from leaving.

    Parameters
    ----------
    policy
        Whether heads are kept as they are, held back or defaced.
    """

    __slots__ = ("_policy",)

    def __init__(self, policy: Literal["keep", "hold", "deface"]) -> None:
        self._policy = policy

    def guarded(
        self,
        parsed: ParsedObject,
        sop_class_uid: str,
        outcome: PixelOutcome,
        scratch: Path,  # noqa: ARG002 - for defacing
    ) -> tuple[PixelOutcome, bool]:
        """Give the pictures of an object without a face, or refuse it.

        Parameters
        ----------
        parsed
            Any object.
        sop_class_uid
            Its SOP class.
        outcome
            What cleaning made of its pictures.
        scratch
            Folder for large results.

        Returns
        -------
        PixelOutcome
            The same, or with new content.
        bool
            Whether the object was defaced.

        Raises
        ------
        FaceVisibleError
            If it may show a face and is held back for it.
        FaceNotFoundError
            If it shows a head in which the face cannot be found with certainty.
        """
        if self._policy == "keep":
            return outcome, False
        showing = showing_of(parsed, sop_class_uid)
        if showing is Showing.NOTHING:
            return outcome, False
        if showing is Showing.PICTURE or self._policy == "hold":
            raise FaceVisibleError("A head that could be recognized is shown.")
        raise FaceNotFoundError("The face cannot be found.")
