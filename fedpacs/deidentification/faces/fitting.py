"""Fitting: the head template laid into a volume's skin, and how well it lies there.

Points of the skin are drawn to the template's surface, and points of the template, as far as the
volume shows them, to the skin. Both are needed: the one alone would be content with a template
outside of the picture, the other with any small ball. Far points count little (an arm, a headrest).
There is no chance in it and no thread, so the same files give the same pose everywhere.

References
----------
D. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963;
P. W. Holland and R. E. Welsch, "Robust regression using iteratively reweighted least squares",
1977 (Cauchy weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.faces.pose import Pose
from fedpacs.deidentification.faces.profile import nose_of, stands_out
from fedpacs.deidentification.faces.starting import FEWEST_POINTS, starting_poses
from fedpacs.deidentification.faces.template import LOWEST_MM, head_template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.deidentification.faces.profile import Anchor
    from fedpacs.deidentification.faces.skin import Skin

_COARSE_POINTS, _FINE_POINTS = 400, 2500
_COARSE_STEPS, _FINE_STEPS = 10, 40
_WIDE_MM, _NARROW_MM = 12.0, 5.0
_STEPS = np.array([0.5, 0.5, 0.5, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01])
_PRIOR = np.array([0.6, 0.45, 0.45, 0.16, 0.16, 0.16])
"""What is usual of tilt, turn and size; others are possible, at a price."""
_PRIOR_WEIGHT = 0.02
_REACH_MM = 185.0
_HEAD_BOX_MM = np.array([95.0, 150.0, 120.0])
_CLOSE_MM, _CLOSE_FACE_MM = 8.0, 11.0
_NOSE_ROUNDS, _NOSE_WIDTH_MM = 3, 10.0
_NOSE_SHARES = np.array([1.0, 0.3, 1.0])
_STUCK, _SETTLED, _TINY = 1e4, 1e-4, 1e-9
_TURNED_BETTER = 0.8
_UPSIDE_DOWN = (
    np.diag([1.0, -1.0, -1.0]), np.diag([-1.0, -1.0, 1.0]), np.diag([-1.0, 1.0, -1.0]),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """The template in a volume.

    Attributes
    ----------
    pose
        Where it lies.
    cost
        What is left, the lower the better.
    skin_close, template_close
        Shares of the head's skin near the template, and of the template's seen surface near skin.
    seen
        Share of the template's surface that the volume shows.
    face_seen, face_close
        Share of the face that the volume shows, and of that the share near skin.
    nose
        Whether the ridge of the nose was found, so that the face is at its true height.
    bare
        Whether nothing in the picture stands out as a nose does.
    """

    pose: Pose
    cost: float
    skin_close: float
    template_close: float
    seen: float
    face_seen: float
    face_close: float
    nose: bool
    bare: bool


def fitted(skin: Skin) -> Fit | None:
    """Lay the template into a volume's skin; None when there is too little of it.

    Parameters
    ----------
    skin
        The skin.
    """
    if len(skin.surface_mm) < FEWEST_POINTS:
        return None
    coarse = _Matching(skin, _COARSE_POINTS)
    starts = starting_poses(skin)
    if not starts:
        return None
    tried = [coarse.improved(start, _COARSE_STEPS, _WIDE_MM) for start in starts]
    ranked = sorted(tried, key=lambda found: found[1])[:3]
    fine = _Matching(skin, _FINE_POINTS)
    best, cost = min(
        (fine.improved(pose, _FINE_STEPS, _NARROW_MM) for pose, _ in ranked),
        key=lambda found: found[1],
    )
    for _ in range(_NOSE_ROUNDS):
        fine.nose = nose_of(skin, best)
        if fine.nose is None:
            break
        best, cost = fine.improved(best, _FINE_STEPS, _NARROW_MM)
    return fine.judged(best, cost)


def is_turned(skin: Skin, fit: Fit) -> bool:
    """Tell whether a head fits better upside down or back to front: then nothing is certain.

    Parameters
    ----------
    skin
        The skin.
    fit
        The best fit the right way round.
    """
    coarse = _Matching(skin, _COARSE_POINTS)
    own = coarse.improved(fit.pose, _COARSE_STEPS, _WIDE_MM)[1]
    for turned in _UPSIDE_DOWN:
        start = Pose(np.concatenate([fit.pose.numbers[:3], np.zeros(6)]), turned)
        shifts = [np.array([0, 0, dz, 0, 0, 0, 0, 0, 0]) for dz in (0.0, -40.0, 40.0)]
        found = (coarse.improved(start.moved(shift), _COARSE_STEPS, _WIDE_MM) for shift in shifts)
        if min(cost for _, cost in found) < _TURNED_BETTER * own:
            return True
    return False


class _Matching:
    """The template against one skin, on a sample of points."""

    def __init__(self, skin: Skin, count: int) -> None:
        self._skin = skin
        self._template = head_template()
        self._own = _every(self._template.surface_mm, count)
        self._face = _every(self._template.surface_mm[self._template.face_surface], count)
        self._points = skin.surface_mm
        self._count = count
        self.nose: Anchor | None = None
        """Where the nose was found; the template's is held to it."""

    def improved(self, pose: Pose, steps: int, width_mm: float) -> tuple[Pose, float]:
        """Make a pose better, step by step; give it and its cost."""
        offsets = self._points - pose.numbers[:3]
        near = self._points[(offsets * offsets).sum(1) < _REACH_MM**2]
        points = _every(near, self._count)
        damping = 1e-2
        residuals, weights, cost = self._state(pose, points, width_mm)
        for _ in range(steps):
            slopes = np.stack(
                [
                    (self._residuals(pose.moved(step), points)[0] - residuals) / step.sum()
                    for step in np.diag(_STEPS)
                ],
                1,
            )
            step = self._solved(slopes, (residuals, weights), pose, (damping, width_mm))
            moved = pose.moved(step)
            after = self._state(moved, points, width_mm)
            if after[2] < cost:
                gain = cost - after[2]
                pose, (residuals, weights, cost) = moved, after
                damping = max(damping / 4, 1e-6)
                if gain < _SETTLED * cost:
                    break
            else:
                damping *= 6
                if damping > _STUCK:
                    break
        return pose, cost

    def _residuals(
        self, pose: Pose, points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give distances, and which count."""
        inside = pose.to_template(points)
        scale = float(pose.scales.mean())
        to_template = self._template.distances(inside) * scale
        known = inside[:, 2] > LOWEST_MM
        outside = pose.to_patient(self._own)
        to_skin = self._skin.distances(outside)
        seen = self._skin.is_seen(outside)
        return np.concatenate([to_template, to_skin]), np.concatenate([known, seen])

    def _state(
        self, pose: Pose, points: NDArray[np.float64], width_mm: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Give distances, their weights, and the cost with the price of an unusual head."""
        residuals, counted = self._residuals(pose, points)
        ratio = (residuals / width_mm) ** 2
        weights = np.where(counted, 1.0 / (1.0 + ratio), 0.0)
        losses = np.log1p(ratio) * counted
        split = len(points)
        parts = []
        for chosen in (slice(0, split), slice(split, None)):
            total = float(counted[chosen].sum())
            share = total / max(len(counted[chosen]), 1)
            parts.append(float(losses[chosen].sum()) / max(total, 1.0))
            parts[-1] += max(0.0, 0.25 - share) * 20
            weights[chosen] /= max(total, 1.0)
        off = float(((self._off_nose(pose) / _NOSE_WIDTH_MM) ** 2).sum())
        return residuals, weights, sum(parts) + off + _prior_cost(pose)

    def _solved(
        self,
        slopes: NDArray[np.float64],
        state: tuple[NDArray[np.float64], NDArray[np.float64]],
        pose: Pose,
        setting: tuple[float, float],
    ) -> NDArray[np.float64]:
        """Solve the damped normal equations; sums are made in one order, without BLAS."""
        damping, width_mm = setting
        square, right = _normal(slopes, *state)
        pull = _PRIOR_WEIGHT * width_mm**2 / _PRIOR**2
        square[range(3, 9), range(3, 9)] += pull
        right[3:] += pull * pose.numbers[3:]
        if self.nose is not None:
            off = self._off_nose(pose)
            turns = np.stack(
                [(self._off_nose(pose.moved(step)) - off) / step.sum() for step in np.diag(_STEPS)],
                1,
            )
            more, pulled = _normal(turns, off, np.full(3, (width_mm / _NOSE_WIDTH_MM) ** 2))
            square, right = square + more, right + pulled
        square[range(9), range(9)] *= 1 + damping
        return np.asarray(-np.linalg.solve(square + _TINY * np.eye(9), right), np.float64)

    def _off_nose(self, pose: Pose) -> NDArray[np.float64]:
        """Give how far the nose lies from the template's; its length counts little."""
        if self.nose is None:
            return np.zeros(3)
        off = pose.to_template(self.nose.found_mm[None])[0] - self.nose.template_mm
        return np.asarray(off * _NOSE_SHARES, np.float64)

    def judged(self, pose: Pose, cost: float) -> Fit:
        """Say how well a pose fits."""
        inside = pose.to_template(self._points)
        head = (np.abs(inside) < _HEAD_BOX_MM).all(1) & (inside[:, 2] > LOWEST_MM + 10)
        skin_far = np.abs(self._template.distances(inside[head]))
        own = pose.to_patient(self._own)
        seen = self._skin.is_seen(own)
        own_far = np.abs(self._skin.distances(own[seen]))
        face = pose.to_patient(self._face)
        face_seen = self._skin.is_seen(face)
        face_far = np.abs(self._skin.distances(face[face_seen]))
        return Fit(
            pose,
            cost,
            _share(skin_far < _CLOSE_MM),
            _share(own_far < _CLOSE_MM),
            _share(seen),
            _share(face_seen),
            _share(face_far < _CLOSE_FACE_MM),
            self.nose is not None,
            not stands_out(self._skin, pose),
        )


def _normal(
    slopes: NDArray[np.float64], residuals: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weighted = slopes * weights[:, None]
    square = np.stack([(weighted * slopes[:, [k]]).sum(0) for k in range(len(_STEPS))])
    return square, (weighted * residuals[:, None]).sum(0)


def _prior_cost(pose: Pose) -> float:
    return float(_PRIOR_WEIGHT * ((pose.numbers[3:] / _PRIOR) ** 2).sum())


def _every(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Take points evenly from a list that lies in rows."""
    if len(points) <= count:
        return points
    found: NDArray[np.float64] = points[
        np.round(np.linspace(0, len(points) - 1, count)).astype(int)
    ]
    return found


def _share(chosen: NDArray[np.bool_]) -> float:
    return float(chosen.mean()) if chosen.size else 0.0
