"""Guarding faces: what a profile's policy means for one object.

References
----------
PS3.15 E.3.2 (Clean Recognizable Visual Features Option).
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.faces.errors import FaceNotFoundError, FaceVisibleError
from fedpacs.deidentification.faces.kinds import Showing, showing_of
from fedpacs.deidentification.faces.plan import FacePlan, frame_key, planned, series_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.faces.locating import Head
    from fedpacs.deidentification.faces.planes import FrameGeometry
    from fedpacs.deidentification.pixels.cleaning import PixelOutcome

_MODALITY = 0x00080060


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found, to be taken out of one object.

    Attributes
    ----------
    head
        Where the head lies.
    geometry
        Where the frames lie.
    """

    head: Head
    geometry: list[FrameGeometry]

    def without(self, parsed: ParsedObject, outcome: PixelOutcome, scratch: Path) -> PixelOutcome:
        """Give the pictures of the object without the face.

        Parameters
        ----------
        parsed
            The object it was found in.
        outcome
            What cleaning made of its pictures; its content is discarded when there is a new one.
        scratch
            Folder for large results.

        Raises
        ------
        UnsupportedObjectError
            If a frame cannot be changed in its encoding (``deid.pixel-encoding``).
        """
        from fedpacs.deidentification.faces.blanking import (
            blanked,
            frames_with_face,
            with_content,
        )
        from fedpacs.deidentification.pixels.cleaning import discard

        if not self.head.shows_face:
            return outcome
        pose = self.head.pose
        numbers = frames_with_face(self.geometry, pose)
        if not numbers:
            return outcome
        masked = outcome.content if outcome.frames_changed else None
        with with_content(parsed, masked, scratch) as changed:
            content = blanked(changed, self.geometry, pose, numbers, scratch)
        discard(outcome.content)
        return replace(
            outcome,
            content=content,
            frames_changed=max(outcome.frames_changed, len(numbers)),
            attributes={**outcome.attributes, **content.attributes},
        )


class FaceGuard:
    """Keeps faces from leaving.

    Parameters
    ----------
    policy
        Whether heads are kept as they are, held back or defaced.
    plan
        Which files belong together; without one an object is a series by itself.
    """

    __slots__ = ("_plan", "_policy")

    def __init__(
        self, policy: Literal["keep", "hold", "deface"], plan: FacePlan | None = None
    ) -> None:
        self._policy = policy
        self._plan = plan

    @contextmanager
    def together(self, paths: Iterable[Path]) -> Iterator[None]:
        """Find faces in files together for a while: the slices of a study.

        Parameters
        ----------
        paths
            Files that may be of one series.
        """
        if self._policy != "deface":
            yield
            return
        before = self._plan
        with tempfile.TemporaryDirectory(prefix="fedpacs-") as folder:
            self._plan = planned(paths, Path(folder))
            try:
                yield
            finally:
                self._plan = before

    def face_in(self, parsed: ParsedObject, sop_class_uid: str) -> Face | None:
        """Find the face in an object, or refuse the object.

        Parameters
        ----------
        parsed
            Any object.
        sop_class_uid
            Its SOP class.

        Returns
        -------
        Face or None
            None when it shows no face, or faces are kept.

        Raises
        ------
        FaceVisibleError
            If it may show a face and is held back for it.
        FaceNotFoundError
            If it shows a head in which the face cannot be found with certainty.
        """
        if self._policy == "keep":
            return None
        showing = showing_of(parsed, sop_class_uid)
        if showing is Showing.NOTHING:
            return None
        if showing is Showing.PICTURE or self._policy == "hold":
            raise FaceVisibleError("A head that could be recognized is shown, or may be.")
        if self._plan is not None:
            return _found(parsed, self._plan)
        with tempfile.TemporaryDirectory(prefix="fedpacs-") as folder:
            plan = FacePlan(Path(folder))
            plan.add(parsed)
            return _found(parsed, plan)


def _found(parsed: ParsedObject, plan: FacePlan) -> Face:
    from fedpacs.deidentification.faces.locating import head_in_series
    from fedpacs.deidentification.faces.planes import geometry_of
    from fedpacs.deidentification.pixels.facts import PictureFacts

    geometry = geometry_of(parsed)
    if geometry is None or len(geometry) != PictureFacts.of(parsed).frames:
        raise FaceNotFoundError("The object does not say where its slices lie.")
    head = head_in_series(
        plan,
        series_key(parsed),
        frame_key(parsed),
        borrow_first=parsed.text(_MODALITY) == "PT",
    )
    if head is None:
        raise FaceNotFoundError("No head was found with certainty.")
    return Face(head, geometry)
