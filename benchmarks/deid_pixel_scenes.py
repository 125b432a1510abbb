"""Scenes for the text detector: pictures of many kinds, without text and with text burned in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, zoom

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = NDArray[np.float32]
    Random = np.random.Generator

FAMILY = ("Müller", "OBRANNIGAN", "Nguyen", "Featherstone", "Garcia", "Kowalski", "SMITH", "Dvorak",
          "Li", "Yamashita", "de Vries", "Lefevre", "BRAUN", "Okafor", "Ivanova")  # fmt: skip
GIVEN = ("Anna", "JOHN", "Siobhan", "Bo", "MARIA JOSE", "Taro", "Peter", "Oceane", "Wei", "Chidi")
MARKERS = ("L", "R", "AP", "PA", "ERECT", "SUPINE", "PORTABLE", "R MLO", "L CC", "LAT", "MI 1.2",
           "TIS 0.4", "12 cm", "120 kV", "W 400 L 40", "Gn 52", "FR 32 Hz", "LIVER")  # fmt: skip
HERSHEY = 6


@dataclass(frozen=True, slots=True)
class Planted:
    """Text burned into a scene.

    Parameters
    ----------
    text
        What it says.
    ink
        (Y, X) bool: every pixel that it changed.
    identifying
        Whether it must be masked.
    look
        Words that tell how it looks, for the table.
    """

    text: str
    ink: NDArray[np.bool_]
    identifying: bool
    look: str


@dataclass(slots=True)
class Scene:
    """A picture and what was written on it.

    Parameters
    ----------
    kind
        Of the picture.
    pixels
        (Y, X) uint16 or uint8, or (Y, X, 3) uint8.
    planted
        Texts.
    """

    kind: str
    pixels: NDArray[Any]
    planted: list[Planted] = field(default_factory=list)


@lru_cache(maxsize=1)
def _brain() -> Picture:
    from nilearn.datasets import load_mni152_template

    volume = np.asarray(load_mni152_template(resolution=1).get_fdata(), np.float32)
    return volume / volume.max()


def brain(rng: Random) -> Picture:
    """Cut a slice of the ICBM152 template, as MR would show it."""
    axis = int(rng.integers(3))
    volume = _brain()
    index = int(volume.shape[axis] * rng.uniform(0.25, 0.75))
    piece = np.rot90(np.take(volume, index, axis))
    scale = rng.choice((1.0, 2.0, 2.6))
    picture = np.pad(zoom(piece, scale, order=1), 20)
    return picture + rng.uniform(0.003, 0.03) * rng.standard_normal(picture.shape)


def _grid(size: tuple[int, int]) -> tuple[Picture, Picture]:
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return y / size[0] - 0.5, x / size[1] - 0.5


def ct(rng: Random) -> Picture:
    """Draw a body in air: soft tissue, gas, ring of ribs, spine, table, noise."""
    size = (512, 512)
    y, x = _grid(size)
    picture = np.zeros(size, np.float32)
    body = (y / 0.33) ** 2 + (x / 0.43) ** 2
    picture[body < 1] = 0.42
    picture[(body < 0.93)] = 0.46
    for _ in range(rng.integers(6, 20)):
        cy, cx, r = rng.uniform(-0.2, 0.2), rng.uniform(-0.3, 0.3), rng.uniform(0.004, 0.09)
        inside = ((y - cy) / r) ** 2 + ((x - cx) / (r * rng.uniform(0.6, 1.6))) ** 2 < 1
        picture[inside & (body < 0.9)] = rng.choice((0.05, 0.44, 0.48, 0.5, 0.56))
    angles = np.arctan2(y / 0.33, x / 0.43)
    ribs = (np.abs(body - 0.83) < 0.05) & (np.sin(angles * rng.integers(9, 16)) > 0.1)
    picture[ribs] = 0.8
    picture[(((y - 0.2) / 0.05) ** 2 + (x / 0.06) ** 2) < 1] = 0.75
    picture[np.abs(y - 0.4 + 0.1 * x**2) < 0.004] = 0.3
    picture = gaussian_filter(picture, 0.9)
    grain = gaussian_filter(rng.standard_normal(size), 0.6)
    return picture + rng.uniform(0.004, 0.03) * grain / grain.std()


def fan(rng: Random) -> Picture:
    """Draw an ultrasound fan with speckle, ticks of depth and a bar of greys."""
    size = ((480, 640), (600, 800), (768, 1024))[rng.integers(3)]
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    apex = -0.1 * size[0]
    radius, angle = np.hypot(y - apex, x - size[1] / 2), np.arctan2(x - size[1] / 2, y - apex)
    inside = (np.abs(angle) < 0.6) & (radius > 0.2 * size[0]) & (radius < 1.0 * size[0])
    speckle = np.abs(gaussian_filter(rng.standard_normal(size), (0.8, 1.6)))
    depth = 0.6 + 0.4 * gaussian_filter(rng.standard_normal(size), 25) * 25
    picture = np.where(inside, np.clip(1.1 * speckle / speckle.std() * 0.22 * depth, 0, 1), 0)
    picture[80:-30:24, -12:-6] = 0.8
    picture[80:-30:120, -16:-6] = 0.8
    picture[90:210, 12:22] = np.linspace(1, 0, 120)[:, None]
    return picture.astype(np.float32)


def radiograph(rng: Random) -> Picture:
    """Draw a chest film with ribs, spine, gradients and edges of the collimator."""
    size = ((880, 720), (1024, 1024), (1400, 1150))[rng.integers(3)]
    y, x = _grid(size)
    picture = 0.55 + 0.12 * np.cos(5 * x) + 0.1 * y
    for side in (-0.2, 0.2):
        picture[((y + 0.05) / 0.32) ** 2 + ((x - side) / 0.16) ** 2 < 1] -= 0.28
    for rib in range(10):
        arc = np.abs(y + 0.38 - rib * 0.075 - (0.5 + 0.05 * rib) * x**2) < 0.01
        picture[arc & (np.abs(x) > 0.05) & (np.abs(x) < 0.4)] += 0.11
    for level in np.arange(-0.45, 0.5, 0.055):
        body = (np.abs(y - level) < 0.02) & (np.abs(x) < 0.035)
        picture[body] += 0.16
    edge = rng.uniform(0.0, 0.05)
    picture[(np.abs(x) > 0.5 - edge) | (np.abs(y) > 0.5 - edge)] = rng.choice((0.0, 0.03, 1.0))
    picture = gaussian_filter(picture.astype(np.float32), 1.2)
    return picture + rng.uniform(0.003, 0.012) * rng.standard_normal(size)


def mammogram(rng: Random) -> Picture:
    """Draw a breast with glandular texture and specks of calcium."""
    size = (1100, 820)
    y, x = _grid(size)
    tissue = (y / 0.42) ** 2 + ((x + 0.5) / 0.75) ** 2 < 1
    texture = 0.4
    for width, weight in ((24, 0.1), (8, 0.06), (2.5, 0.03)):
        grain = gaussian_filter(rng.standard_normal(size), width)
        texture = texture + weight * grain / grain.std()
    picture = np.where(tissue, texture, 0.01).astype(np.float32)
    for _ in range(rng.integers(0, 30)):
        cy, cx = rng.integers(300, 800), rng.integers(20, 400)
        picture[cy : cy + rng.integers(1, 4), cx : cx + rng.integers(1, 4)] += 0.3
    return picture + 0.004 * rng.standard_normal(size)


def vessels(rng: Random) -> Picture:
    """Draw vessels full of contrast agent on an uneven ground."""
    size = (512, 512)
    canvas = Image.new("F", (size[1], size[0]), 0.62)
    draw = ImageDraw.Draw(canvas)
    for _ in range(rng.integers(5, 14)):
        point = np.array([rng.uniform(50, 460), rng.uniform(30, 300)])
        heading, width = rng.uniform(0, 6.3), rng.uniform(2, 9)
        for _ in range(60):
            step = point + 8 * np.array([np.cos(heading), np.sin(heading)])
            draw.line((*point, *step), fill=0.3, width=max(1, int(width)))
            point, heading, width = step, heading + rng.normal(0, 0.25), width * 0.975
    picture = gaussian_filter(np.asarray(canvas, np.float32), 0.8)
    ground = gaussian_filter(rng.standard_normal(size), 40)
    return picture + 0.12 * ground / ground.std() + 0.012 * rng.standard_normal(size)


def grid(rng: Random) -> Picture:
    """Draw a phantom of grids, bars and discs."""
    picture = np.full((512, 512), 0.3, np.float32)
    step = int(rng.integers(7, 60))
    picture[::step] = 0.8
    picture[:, ::step] = 0.8
    for group in range(8):
        width = 2 + group
        for bar in range(5):
            at = 40 + bar * 2 * width
            picture[40 + 55 * group : 80 + 55 * group, at : at + width] = 0.95
    return picture + 0.01 * rng.standard_normal(picture.shape)


def plot(rng: Random) -> Picture:
    """Draw curves and axes with ticks on a light or dark ground."""
    light = bool(rng.integers(2))
    picture = Image.new("L", (640, 480), 250 if light else 8)
    draw = ImageDraw.Draw(picture)
    ink = 20 if light else 230
    draw.line((60, 30, 60, 430, 610, 430), fill=ink)
    for tick in range(30):
        draw.line((60 + 18 * tick, 430, 60 + 18 * tick, 436), fill=ink)
        draw.line((54, 430 - 13 * tick, 60, 430 - 13 * tick), fill=ink)
    x = np.arange(60, 610, 2)
    for _ in range(4):
        y = 230 + 120 * np.sin(x / rng.uniform(20, 90) + rng.uniform(0, 6)) * rng.uniform(0.2, 1)
        draw.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], fill=ink)
    return np.asarray(picture, np.float32) / 255


def page(rng: Random) -> Picture:
    """Draw an empty page, light or dark."""
    return np.full((700, 560), rng.choice((1.0, 0.98, 0.0, 0.05)), np.float32)


def spots(rng: Random) -> Picture:
    """Draw the counts of an emission picture."""
    size = (256, 256)
    picture = np.zeros(size, np.float32)
    for _ in range(rng.integers(3, 12)):
        picture[rng.integers(256), rng.integers(256)] += rng.uniform(20, 60)
    counts = gaussian_filter(picture, 6)
    grains = rng.poisson(60 * counts / counts.max() + 1).astype(np.float32)
    return grains / grains.max()


KINDS: dict[str, Callable[[Random], Picture]] = {
    "MR": brain, "CT": ct, "US": fan, "CR/DX": radiograph, "MG": mammogram, "XA": vessels,
    "phantom": grid, "plot": plot, "page": page, "NM": spots,
}  # fmt: skip


@lru_cache(maxsize=1)
def _fonts() -> list[str]:
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif", "DejaVuSans-Bold", "STIXGeneral",
             "STIXGeneralBol")  # fmt: skip
    return [str(folder / f"{name}.ttf") for name in names]


def lettering(text: str, size: int, font: int) -> Picture:
    """Draw a text as coverage, (Y, X) 0 to 1."""
    fonts = _fonts()
    kind = font % (len(fonts) + 3)
    if kind >= len(fonts) + 1:
        import cv2

        face = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)[kind - len(fonts) - 1]
        scale, thick = size / 30, 1 + size // 22
        (width, height), base = cv2.getTextSize(text, face, scale, thick)
        canvas = np.zeros((height + base + 4, width + 4), np.uint8)
        cv2.putText(canvas, text, (2, height + 2), face, scale, 255, thick, cv2.LINE_AA)
        return canvas.astype(np.float32) / 255
    drawn = (
        ImageFont.truetype(fonts[kind], size)
        if kind < len(fonts)
        else ImageFont.load_default_imagefont()
    )
    plain = text if kind < len(fonts) else text.encode("latin-1", "replace").decode("latin-1")
    left, top, right, bottom = (int(v) for v in drawn.getbbox(plain))
    canvas = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(canvas).text((2 - left, 2 - top), plain, fill=255, font=drawn)
    cover = np.asarray(canvas, np.float32) / 255
    if kind >= len(fonts) and size >= 20:
        cover = np.kron(cover, np.ones((2, 2), np.float32))
    return cover


def identifying(rng: Random) -> str:
    """Write a line that identifies somebody."""
    family, given = str(rng.choice(FAMILY)), str(rng.choice(GIVEN))
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1930, 2024)
    lines = (
        f"{family}, {given}", f"{family}^{given}", f"{given} {family}",
        f"DOB {day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d} 10:31:{day:02d}",
        f"ID: {rng.integers(10**6, 10**8)}", f"Acc A{rng.integers(10**6)}", f"Dr. {family}",
        f"{family} Memorial Hospital", f"MRN {rng.integers(10**5, 10**7)} {family}",
    )  # fmt: skip
    return str(rng.choice(lines))


def burn(scene: Scene, text: str, rng: Random, *, identifies: bool) -> bool:
    """Burn a text into a scene in a look drawn by chance; False where it does not fit."""
    picture = scene.pixels
    large = max(picture.shape[:2]) > 900
    size = int(rng.choice((16, 20, 28, 40) if large else (9, 10, 11, 12, 14, 16, 20, 28)))
    contrast = float(rng.choice((0.05, 0.1, 0.3, 1.0, 1.0, 1.0, 1.0)))
    turned = int(rng.choice((0, 0, 0, 0, 0, 0, 1, 3))) if identifies else 0
    style = str(rng.choice(("plain", "plain", "plain", "dark", "boxed", "outlined", "shadowed")))
    cover = np.rot90(lettering(text, size, int(rng.integers(9))), turned)
    height, width = cover.shape
    if height + 16 > picture.shape[0] or width + 16 > picture.shape[1]:
        return False
    for _ in range(20):
        y = int(rng.integers(6, picture.shape[0] - height - 6))
        x = int(rng.integers(6, picture.shape[1] - width - 6))
        place = (slice(y - 4, y + height + 4), slice(x - 4, x + width + 4))
        if not any(one.ink[place].any() for one in scene.planted):
            break
    else:
        return False
    before = picture.copy()
    region = picture[y : y + height, x : x + width]
    ground = float(np.median(region))
    ink = 1.0 if ground < 0.6 else 0.0
    if style == "dark":
        ink = 0.0 if ground > 0.25 else 1.0
    if contrast < 1:
        ink = ground + contrast * (1 if ground < 0.6 else -1)
        style = "plain"
    if style == "boxed":
        region[...], ink = (1.0, 0.0) if rng.integers(2) else (0.0, 1.0)
    if style in {"outlined", "shadowed"}:
        shift = ((-1, 0), (1, 0), (0, 1), (0, -1)) if style == "outlined" else ((1, 1),)
        for dy, dx in shift:
            edge = np.roll(cover, (dy, dx), (0, 1))
            region[...] = region * (1 - edge) + (1 - ink) * edge
    region[...] = region * (1 - cover) + ink * cover
    changed = np.abs(picture - before) > 0.004
    if style == "boxed":
        changed = np.zeros_like(changed)
        changed[y : y + height, x : x + width] = cover > 0.02
    look = f"{style}{'' if contrast == 1 else f' {contrast:.0%}'}{' turned' if turned else ''}"
    scene.planted.append(Planted(text, changed, identifies, look))
    return True


def scene_of(kind: str, seed: int, *, texts: int) -> Scene:
    """Make a scene.

    Parameters
    ----------
    kind
        One of `KINDS`.
    seed
        Equal seeds make equal scenes.
    texts
        Lines of text burned in; as many markers as half of them besides.
    """
    rng = np.random.default_rng((seed, sum(kind.encode())))
    picture = np.clip(KINDS[kind](rng), 0, 1).astype(np.float32)
    if rng.uniform() < 0.15:
        picture = 1 - picture
    scene = Scene(kind, picture)
    for _ in range(texts):
        burn(scene, identifying(rng), rng, identifies=True)
    for _ in range(texts // 2):
        burn(scene, str(rng.choice(MARKERS)), rng, identifies=False)
    scene.pixels = _stored(kind, scene.pixels, rng)
    return scene


def _stored(kind: str, picture: Picture, rng: Random) -> NDArray[Any]:
    if kind in {"US", "plot", "page"} and rng.uniform() < 0.5:
        tint = ((1, 1, 1), (1, 0.9, 0.6), (0.5, 0.8, 1), (1, 1, 0))[rng.integers(4)]
        colour = np.stack([picture * share for share in tint], -1)
        if kind == "US":
            colour[60:180, -40:-28] = np.linspace((1, 0, 0), (0, 0, 1), 120)[:, None]
        return (colour * 255).astype(np.uint8)
    if kind in {"US", "plot", "page", "XA"}:
        return (picture * 255).astype(np.uint8)
    return (picture * 4095).astype(np.uint16)
