"""The page: nothing of the object becomes markup, everything a reviewer needs is on it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword
from reviewed_folders import BOX, NAME

from fedpacs.deidentification.review.errors import ReviewFolderError, ReviewMapError
from fedpacs.deidentification.review.pictures import choose_frames, encode_png, frame_pictures
from fedpacs.deidentification.review.sheet import SheetOptions, make_sheet
from fedpacs.deidentification.review.tag_table import Fate, tag_table, without_repeats


def _png(content: bytes) -> np.ndarray:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(content)))


def _options(folders, **more):
    return SheetOptions(source=folders.source, map_file=folders.map_file, seed=3, **more)


def test_the_sheet_shows_the_sample_beside_its_originals(folders, tmp_path):
    steps = []
    sheet = make_sheet(
        folders.out,
        tmp_path / "sheet",
        _options(folders, size=4, progress=lambda *step: steps.append(step)),
    )
    assert (sheet.population, sheet.sampled, sheet.with_source, sheet.without_picture) == (
        5, 4, 4, 0,
    )  # fmt: skip
    assert steps[-1] == ("draw", 4, 4)
    page = sheet.page.read_text(encoding="utf-8")
    assert page.count('<section id="object-') == 4
    assert "Identified patient data." in page
    assert page.count("Grabowska^Ewa") == 4
    assert sheet.sample in page
    named = re.findall(r'src="(pictures/[^"]+)"', page)
    files = {f"pictures/{p.name}" for p in (tmp_path / "sheet" / "pictures").iterdir()}
    assert set(named) == files
    assert len(files) >= 12


def test_only_the_owner_can_open_it(folders, tmp_path):
    make_sheet(folders.out, tmp_path / "sheet", _options(folders, size=2))
    for path in [tmp_path / "sheet", *(tmp_path / "sheet").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_an_attribute_holds_never_becomes_markup(folders, tmp_path):
    page = make_sheet(folders.out, tmp_path / "sheet", _options(folders)).page.read_text()
    assert "&lt;b&gt;Grabowska&lt;/b&gt;" in page
    assert "<b>Grabowska" not in page
    assert "\u202e" not in page
    assert "⟨202E⟩son" in page


def test_the_page_asks_nothing_of_the_network(folders, tmp_path):
    page = make_sheet(folders.out, tmp_path / "sheet", _options(folders)).page.read_text()
    assert not re.findall(r"(?:https?:)?//[a-z]", page)
    assert "default-src 'none'" in page


def test_without_a_source_the_output_stands_alone(folders, tmp_path):
    sheet = make_sheet(folders.out, tmp_path / "sheet", SheetOptions(size=3))
    assert sheet.with_source == 0
    page = sheet.page.read_text()
    assert "Identified patient data." not in page
    assert NAME not in page
    assert not list((tmp_path / "sheet").rglob("*before*"))


def test_the_tag_table_tells_each_fate_at_any_depth(folders):
    after, before = folders.out / "2.25.1000.dcm", folders.source / "Grabowska" / "1.dcm"
    fates = {row.where: row.fate for row in tag_table(after, before)}
    assert fates["0010,0010"] is Fate.CHANGED
    assert fates["0010,0020"] is Fate.WORDS_CHANGED
    assert fates["0008,0080"] is Fate.REMOVED
    assert fates["0012,0062"] is Fate.ADDED
    assert fates["0008,1030"] is Fate.WORDS_KEPT
    assert fates["0008,2218 #1 0008,0104"] is Fate.WORDS_KEPT
    assert fates["0028,0010"] is Fate.KEPT
    assert "7FE0,0010" not in fates


def test_what_stands_in_many_items_alike_is_listed_once(folders):
    path = folders.out / "2.25.1000.dcm"
    ds = pydicom.dcmread(path)
    ds.AnatomicRegionSequence = [ds.AnatomicRegionSequence[0]] * 30
    pydicom.dcmwrite(path, ds)
    rows = tag_table(path, None)
    meanings = [row for row in without_repeats(rows) if row.name == "Code Meaning"]
    assert [(row.after, row.others) for row in meanings] == [("Liver", 29)]
    assert sum(1 + row.others for row in without_repeats(rows)) == len(rows)


def test_first_middle_last_and_changed_frames_are_shown(folders):
    after, before = folders.out / "2.25.3000.dcm", folders.source / "Grabowska" / "3.dcm"
    choice = choose_frames(after, before)
    assert (choice.frames, choice.changed, choice.shown) == (9, (8,), (0, 4, 8))
    ds = pydicom.dcmread(after)
    pixels = ds.pixel_array.copy()
    pixels[2, 0, 0] += 1
    ds.PixelData = pixels.tobytes()
    pydicom.dcmwrite(after, ds)
    assert choose_frames(after, before).shown == (0, 2, 4, 8)
    assert choose_frames(after, None).shown == (0, 4, 8)


def test_the_difference_is_where_pixels_changed_and_nowhere_else(folders):
    after, before = folders.out / "2.25.1000.dcm", folders.source / "Grabowska" / "1.dcm"
    old, new = (pydicom.dcmread(path).pixel_array for path in (before, after))
    shown = frame_pictures(after, before, 0)
    assert shown.changed_pixels == np.count_nonzero(old != new) > 0
    yellow = (_png(shown.difference) == (240, 228, 66)).all(axis=-1)
    assert np.array_equal(yellow, old != new)
    assert _png(shown.after)[BOX].max() == 0
    assert _png(shown.before)[BOX].max() > 100


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (1, 1), (1300, 40), (2600, 2600, 3)])
def test_a_png_holds_the_pixels(shape):
    pixels = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
    read = _png(encode_png(pixels))
    if max(shape[:2]) <= 1280:
        assert np.array_equal(read, pixels)
    else:
        assert max(read.shape[:2]) <= 1280
        assert abs(float(read.mean()) - float(pixels.mean())) < 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "PALETTE COLOR", "RGB", "YBR_FULL"])
def test_every_kind_of_picture_is_shown(folders, photometric):
    path = folders.out / "2.25.2000.dcm"
    ds = pydicom.dcmread(path)
    samples = 3 if photometric in {"RGB", "YBR_FULL"} else 1
    ds.PhotometricInterpretation = photometric
    ds.SamplesPerPixel = samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    if samples == 3:
        ds.PlanarConfiguration = 0
    if photometric == "PALETTE COLOR":
        for colour in ("Red", "Green", "Blue"):
            keyword = f"{colour}PaletteColorLookupTableDescriptor"
            ds.add_new(tag_for_keyword(keyword), "US", [256, 0, 8])
            setattr(ds, f"{colour}PaletteColorLookupTableData", bytes(range(256)))
    ramp = np.arange(128 * 128 * samples, dtype=np.uint32) // (64 * samples) % 256
    ds.PixelData = ramp.astype(np.uint8).tobytes()
    pydicom.dcmwrite(path, ds)
    shown = _png(frame_pictures(path, None, 0).after)
    assert shown.shape[:2] == (128, 128)
    assert shown.std() > 20
    if photometric == "MONOCHROME1":
        assert shown[0, 0] > shown[-1, -1]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99",
                                    "1.2.840.10008.1.2.2"])  # fmt: skip
def test_every_encoding_is_shown(folders, syntax):
    path = folders.out / "2.25.2000.dcm"
    ds = pydicom.dcmread(path)
    before = _png(frame_pictures(path, None, 0).after)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax.endswith(".2.2"):
        ds.PixelData = ds.pixel_array.astype(">u2").tobytes()
    pydicom.dcmwrite(path, ds, implicit_vr=syntax == "1.2.840.10008.1.2",
                     little_endian=not syntax.endswith(".2.2"))  # fmt: skip
    assert np.array_equal(_png(frame_pictures(path, None, 0).after), before)


def test_an_object_that_cannot_be_read_is_named_by_its_code(folders, tmp_path):
    (folders.out / "2.25.1000.dcm").write_bytes(b"not DICOM" * 100)
    page = make_sheet(folders.out, tmp_path / "sheet", _options(folders)).page.read_text()
    assert page.count("deid.not-dicom") == 1


@pytest.mark.parametrize("inside", ["", "deep/sheet"])
def test_it_never_lies_in_the_reviewed_folder(folders, inside):
    with pytest.raises(ReviewFolderError):
        make_sheet(folders.out, folders.out / inside, _options(folders))
    assert not (folders.out / "deep").exists()


def test_it_never_overwrites(folders, tmp_path):
    make_sheet(folders.out, tmp_path / "sheet", _options(folders, size=1))
    with pytest.raises(ReviewFolderError):
        make_sheet(folders.out, tmp_path / "sheet", _options(folders, size=1))


def test_a_wrong_map_is_told_by_a_code(folders, tmp_path):
    folders.map_file.write_text("no JSON")
    with pytest.raises(ReviewMapError):
        make_sheet(folders.out, tmp_path / "sheet", _options(folders))
    with pytest.raises(ReviewMapError):
        make_sheet(folders.out, tmp_path / "sheet", SheetOptions(source=folders.source))
    assert not (tmp_path / "sheet").exists()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_saves_the_verdict_that_the_record_takes(folders, tmp_path, reviewer):
    """Click as a person would, and record what the page saves."""
    from fedpacs.deidentification.review.verdicts import record_verdict

    page = make_sheet(folders.out, tmp_path / "sheet", _options(folders, size=3)).page
    clicks = """<script>
    document.querySelectorAll("section").forEach((section, i) => {
      section.querySelectorAll("input[type=radio]")[i === 1 ? 1 : 0].click();
      if (i === 1) section.querySelector("input[value=burned-in-text]").click();
    });
    const made = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      blob.text().then((text) => { document.title = "SAVED" + btoa(text); }); return made(blob);
    };
    HTMLAnchorElement.prototype.click = () => {};
    document.getElementById("save").click();
    </script>"""
    page.write_text(page.read_text().replace("</body>", clicks + "</body>"))
    dom = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
         f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom", page.as_uri()],
        check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    import base64

    saved = base64.b64decode(re.search(r"<title>SAVED([^<]+)</title>", dom)[1])
    (tmp_path / "verdict.json").write_bytes(saved)
    assert "Grabowska" not in saved.decode()
    assert json.loads(saved)["verdicts"][1]["remarks"] == ["burned-in-text"]
    record = record_verdict(folders.out, tmp_path / "verdict.json", "R. Viewer", reviewer)
    assert record.verdicts == {"pass": 2, "leak": 1, "over-cleaned": 0}
    assert record.remarks == {"burned-in-text": 1}


def test_png_checksums_hold():
    content = encode_png(np.zeros((3, 3), np.uint8))
    assert content[8:16] == b"\0\0\0\rIHDR"
    assert int.from_bytes(content[29:33], "big") == zlib.crc32(content[12:29])
