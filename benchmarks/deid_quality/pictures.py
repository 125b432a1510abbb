"""Phantom pictures of a modality's look, and text burned into them stroke by stroke."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from benchmarks.deid_quality.specimen import Box, packed

if TYPE_CHECKING:
    import random

    from numpy.typing import NDArray

    Picture = NDArray[np.float32]

FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSansCondensed.ttf",
    "bitmap",
)


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks.

    Parameters
    ----------
    size
        Height of the font in px.
    ink
        Grey value of the strokes as a share of the range, 0 to 1; negative: that much over the
        ground (faint text).
    ground
        Grey value of a box below the text, or None.
    font
        Index into `FONTS`.
    turned
        Quarter turns against the clock.
    colour
        RGB of the strokes from 0 to 1, in a colour picture; instead of `ink`.
    """

    size: int = 16
    ink: float = 1.0
    ground: float | None = None
    font: int = 0
    turned: int = 0
    colour: tuple[float, float, float] | None = None


def strokes(text: str, style: Style) -> NDArray[np.bool_]:
    """Draw text as a mask, (Y, X)."""
    name = FONTS[style.font % len(FONTS)]
    if name == "bitmap" and not text.isascii():
        name = FONTS[0]
    if name == "bitmap":
        font: ImageFont.ImageFont | ImageFont.FreeTypeFont = ImageFont.load_default_imagefont()
    else:
        path = Path("/usr/share/fonts/truetype/dejavu") / name
        font = (
            ImageFont.truetype(str(path), style.size)
            if path.is_file()
            else ImageFont.load_default(style.size)  # Pillow's own
        )
    left, top, right, bottom = font.getbbox(text)
    picture = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, fill=255, font=font)
    mask = np.asarray(picture) > 110
    if name == "bitmap" and style.size >= 18:
        mask = np.kron(mask, np.ones((2, 2), bool))
    return np.rot90(mask, style.turned)


def burn(
    picture: Picture, text: str, at: tuple[int, int], style: Style, *, identifying: bool = True
) -> Box:
    """Burn text into a picture in place.

    Parameters
    ----------
    picture
        (Y, X) or (Y, X, 3), values from 0 to 1.
    text
        One line.
    at
        x, y in px of the upper left corner; moved inwards where it would not fit.
    style
        Its look.
    identifying
        False for a marker that should stay.
    """
    mask = strokes(text, style)
    mask = mask[: picture.shape[0], : picture.shape[1]]
    height, width = mask.shape
    x0 = max(0, min(at[0], picture.shape[1] - width))
    y0 = max(0, min(at[1], picture.shape[0] - height))
    region = picture[y0 : y0 + height, x0 : x0 + width]
    if style.ground is not None:
        region[...] = style.ground
    if style.colour is not None:
        region[mask] = style.colour
    elif style.ink < 0:
        region[mask] = np.minimum(region[mask] - style.ink, 1)
    else:
        region[mask] = style.ink
    return Box(0, x0, y0, (height, width), packed(mask), text, identifying)


def noise(rng: random.Random, shape: tuple[int, int], blur: float) -> Picture:
    """Give smooth noise with mean 0 and deviation 1."""
    grain = np.random.default_rng(rng.getrandbits(32)).standard_normal(shape)
    smooth = gaussian_filter(grain, blur)
    return np.asarray(smooth / smooth.std(), np.float32)


def ellipse(
    shape: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float]
) -> NDArray[np.bool_]:
    """Mask an ellipse; centre and radii as shares of the shape (y, x)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    dy = (y / shape[0] - centre[0]) / radii[0]
    dx = (x / shape[1] - centre[1]) / radii[1]
    return np.asarray(dy * dy + dx * dx < 1)


def slice_of_body(rng: random.Random, shape: tuple[int, int]) -> Picture:
    """Draw an axial slice: body, organs, spine; (Y, X) from 0 to 1."""
    picture = np.zeros(shape, np.float32)
    body = ellipse(shape, (0.5, 0.5), (0.36, 0.44))
    picture[body] = 0.45
    for _ in range(5):
        centre = (rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.75))
        organ = ellipse(shape, centre, (rng.uniform(0.04, 0.13), rng.uniform(0.04, 0.13)))
        picture[organ & body] = rng.choice((0.08, 0.38, 0.52, 0.6))
    picture[ellipse(shape, (0.72, 0.5), (0.06, 0.06))] = 0.9
    picture = np.asarray(gaussian_filter(picture, 1.2), np.float32)
    return np.clip(picture + 0.012 * noise(rng, shape, 0.7), 0, 1)


def projection(rng: random.Random, shape: tuple[int, int]) -> Picture:
    """Draw a chest film: lungs, ribs, spine, edges of a collimator; (Y, X) from 0 to 1."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.array(shape).reshape(2, 1, 1)
    picture = 0.55 + 0.1 * np.cos(6 * (x - 0.5))
    for side in (0.3, 0.7):
        picture[ellipse(shape, (0.45, side), (0.3, 0.16))] -= 0.3
    for rib in range(9):
        arc = np.abs(y - 0.15 - rib * 0.07 - 0.25 * (x - 0.5) ** 2) < 0.008
        picture[arc & (np.abs(x - 0.5) > 0.06)] += 0.13
    picture[np.abs(x - 0.5) < 0.035] += 0.18
    edge = rng.uniform(0.03, 0.07)
    picture[(x < edge) | (x > 1 - edge) | (y < edge)] = 0.02
    smooth = gaussian_filter(picture.astype(np.float32), 1.0)
    return np.clip(np.asarray(smooth, np.float32) + 0.01 * noise(rng, shape, 0.8), 0, 1)


def breast(rng: random.Random, shape: tuple[int, int]) -> Picture:
    """Draw a mammogram: half an ellipse with glandular texture; (Y, X) from 0 to 1."""
    tissue = ellipse(shape, (0.5, 0.0), (0.42, 0.72))
    texture = 0.42 + 0.08 * noise(rng, shape, 9) + 0.03 * noise(rng, shape, 2)
    return np.clip(np.where(tissue, texture, 0.01), 0, 1).astype(np.float32)


def fan(rng: random.Random, shape: tuple[int, int], top: int) -> Picture:
    """Draw an ultrasound fan with speckle, ruler and grey bar; (Y, X) from 0 to 1."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    apex = (top - 0.15 * shape[0], shape[1] / 2)
    radius = np.hypot(y - apex[0], x - apex[1])
    angle = np.arctan2(x - apex[1], y - apex[0])
    reach = shape[0] - apex[0] - 25
    inside = (np.abs(angle) < 0.62) & (radius > 0.18 * shape[0]) & (radius < reach)
    speckle = np.abs(noise(rng, shape, 1.1)) * (0.24 + 0.06 * noise(rng, shape, 14))
    picture = np.where(inside, np.clip(speckle, 0, 0.85), 0).astype(np.float32)
    for tick in range(top + 10, shape[0] - 10, 25):
        picture[tick : tick + 1, -14:-6] = 0.7
    bar = np.linspace(1, 0, 120, dtype=np.float32)
    picture[top + 10 : top + 130, 8:18] = bar[: picture[top + 10 : top + 130].shape[0], None]
    return picture


def hot_spots(rng: random.Random, shape: tuple[int, int]) -> Picture:
    """Draw counts of an emission picture; (Y, X) from 0 to 1."""
    picture = 0.1 * ellipse(shape, (0.5, 0.5), (0.45, 0.2)).astype(np.float32)
    for _ in range(6):
        y, x = rng.randrange(shape[0]), rng.randrange(shape[1])
        picture[y, x] += rng.uniform(20, 60)
    counts = gaussian_filter(picture, shape[0] / 40)
    grains = np.random.default_rng(rng.getrandbits(32)).poisson(60 * counts / counts.max() + 1)
    return np.asarray(grains / grains.max(), np.float32)
