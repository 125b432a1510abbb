"""A site's features with the effect of its scanner taken out and that of age and sex kept.

References
----------
J.-P. Fortin et al., Harmonization of cortical thickness measurements across scanners and sites,
NeuroImage 167 (2018), equation 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.errors import QualityError
from fedpacs.quality.harmonisation.moments import AGE, FEMALE, INTERCEPT, known_design

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.core.location_scale import LocationScale


class OtherFeaturesError(QualityError):
    """A harmonisation was fitted for features that these data do not have."""

    code = "quality.other-features"
    default_hint = "Use the harmonisation that was fitted from statistics of the same job."


def harmonise(
    features: NDArray[np.float64],
    names: Sequence[str],
    design: NDArray[np.float64],
    model: LocationScale,
) -> NDArray[np.float64]:
    """Take the site's effect out of its features.

    Parameters
    ----------
    features
        Shape ``(N, F)``.
    names
        Of the features.
    design
        Shape ``(N, 3)``, rows of `fedpacs.quality.harmonisation.moments.design_row`.
    model
        Fitted for this site.

    Returns
    -------
    ndarray
        Shape ``(N, F)``; features that the model does not know are left as they are.

    Raises
    ------
    OtherFeaturesError
        If the model names a feature or a covariate that the data do not have.
    """
    columns = [INTERCEPT, AGE, FEMALE]
    try:
        places = [list(names).index(name) for name in model.features]
        kept = known_design(design)[:, [columns.index(name) for name in model.covariates]]
    except ValueError:
        raise OtherFeaturesError("The harmonisation names features that are not here.") from None
    deviation = np.asarray(model.deviation)
    expected = np.asarray(model.grand_mean) + kept @ np.asarray(model.effects).reshape(
        len(model.covariates), len(model.features)
    )
    standard = (features[:, places] - expected) / deviation
    adjusted = (standard - np.asarray(model.shift)) / np.sqrt(np.asarray(model.scale))
    out = features.copy()
    out[:, places] = adjusted * deviation + expected
    return out
