"""Images of the corpus: CT, MR, enhanced, X-ray, mammography, angiography, nuclear, SC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_quality.encodings import Encoding, describe
from benchmarks.deid_quality.lines import add, corner_text, identifying_lines
from benchmarks.deid_quality.pictures import (
    Style,
    breast,
    hot_spots,
    projection,
    slice_of_body,
)

if TYPE_CHECKING:
    from benchmarks.deid_quality.headers import Draft
    from benchmarks.deid_quality.pictures import Picture

GREY = ("explicit", "implicit", "rle", "big-endian", "jpeg-ls", "j2k", "deflated", "jpeg-lossless")
CLASS = "1.2.840.10008.5.1.4.1.1."


def stored(pictures: list[Picture], bits: int, *, signed: bool = False) -> np.ndarray:
    """Scale pictures of 0 to 1 to stored values, (F, Y, X)."""
    stack = np.stack(pictures)
    if bits == 8:
        return np.round(stack * 255).astype(np.uint8)
    if signed:
        return np.round(stack * 3000 - 1024).astype(np.int16)
    return np.round(stack * (2**bits - 1)).astype(np.uint16)


def finish(draft: Draft, frames: np.ndarray, encoding: Encoding, bits: int) -> None:
    """Write the pixels, and into the answer key what must happen to them."""
    if draft.number % 5 == 0 and encoding.syntax in {"jpeg", "jpeg-lossless", "jpeg-ls", "j2k"}:
        encoding = replace(encoding, comment=f"{draft.person.latin[0]} {draft.study.hospital}")
        draft.top.plant(draft.person.latin[0], "name")
        draft.top.plant(draft.study.hospital, "place")
    describe(draft.dataset, frames, encoding, bits)
    specimen = draft.specimen
    specimen.syntax = encoding.syntax
    specimen.frames = len(frames)
    keywords = ("Rows", "Columns", "BitsStored", "SamplesPerPixel", "PhotometricInterpretation")
    for keyword in keywords:
        specimen.expect("retained", draft.top.where(keyword), str(draft.dataset[keyword].value))
    if encoding.comment:
        return  # the segments with text must go: the encoded bytes cannot stay
    with_text = {box.frame for box in specimen.boxes if box.identifying}
    for frame in range(len(frames)):
        if frame not in with_text:
            specimen.expect("pixels", f"{frame}", "")


def ct(draft: Draft) -> None:
    """CT slice; every eighth a saved screen or a slice with a name in it."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "2", "CT", number % 4)
    side = (160, 192, 256, 512)[number % 4]
    picture = slice_of_body(draft.rng, (side, side))
    text = number % 8
    if text == 3:
        top.keep("ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"])
        corner_text(draft, picture)
    elif text == 6:
        top.keep("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"])
        if number % 16 == 6:
            top.put("BurnedInAnnotation", "YES")
        corner_text(draft, picture, 2)
    else:
        top.keep("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"])
    draft.image(spatial=True)
    top.keep_all(
        KVP="120",
        ExposureTime="500",
        XRayTubeCurrent="210",
        ConvolutionKernel="H31s",
        FilterType="WEDGE_2",
        GantryDetectorTilt="0",
        TableHeight="151.5",
        CTDIvol=7.25,
        ReconstructionDiameter="380",
        PatientPosition="HFS",
        BodyPartExamined="CHEST",
        RescaleSlope="1",
        RescaleIntercept="-1024",
        RescaleType="HU",
        WindowCenter=["40", "-600"],
        WindowWidth=["400", "1500"],
        WindowCenterWidthExplanation=["MEDIASTINUM", "LUNG"],
        DataCollectionDiameter="500",
    )
    top.text("ContrastBolusAgent", draft.write.written("[Omnipaque] 350"))
    syntax = GREY[number % len(GREY)]
    signed = syntax in {"explicit", "implicit", "big-endian"} and number % 2 == 0
    finish(draft, stored([picture], 12, signed=signed), Encoding(syntax), 16 if signed else 12)


def mr(draft: Draft) -> None:
    """MR slice; every tenth with a name in it, some without saying so."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "4", "MR", number % 3)
    side = (128, 192, 256)[number % 3]
    picture = slice_of_body(draft.rng, (side, side))
    if number % 10 == 4:
        if number % 20 == 4:
            top.put("BurnedInAnnotation", "YES")
        corner_text(draft, picture, 2)
    if number % 20 == 9:  # under another window than the default one
        top.put("BurnedInAnnotation", "YES")
        dark = Style(14, 0.04, None, number)
        add(draft, picture, identifying_lines(draft)[0], (6, 4), dark)
    draft.image(spatial=True)
    top.keep_all(
        ImageType=["ORIGINAL", "PRIMARY", "M", "ND"],
        ScanningSequence=["GR", "IR"],
        SequenceVariant=["SP", "MP"],
        ScanOptions="PFP",
        MRAcquisitionType="3D",
        SequenceName="*tfl3d1_16ns",
        RepetitionTime="2300",
        EchoTime="2.98",
        InversionTime="900",
        NumberOfAverages="1",
        ImagingFrequency="123.25",
        ImagedNucleus="1H",
        EchoNumbers="1",
        MagneticFieldStrength="3",
        SpacingBetweenSlices="1.2",
        EchoTrainLength="1",
        PercentSampling="100",
        PixelBandwidth="240",
        FlipAngle="9",
        SAR="0.04",
        PatientPosition="HFS",
        BodyPartExamined="HEAD",
        TransmitCoilName="Body",
        ReceiveCoilName="HeadMatrix",
        WindowCenter="500",
        WindowWidth="1000",
    )
    syntax = GREY[(number + 3) % len(GREY)]
    finish(draft, stored([picture], 12), Encoding(syntax), 12)


def enhanced(draft: Draft) -> None:
    """Enhanced CT or MR with functional groups, five frames."""
    number, top = draft.number, draft.top
    is_mr = number % 2
    draft.begin(CLASS + ("4.1" if is_mr else "2.1"), "MR" if is_mr else "CT")
    pictures = [slice_of_body(draft.rng, (128, 128)) for _ in range(5)]
    draft.image(spatial=False)
    top.uid("FrameOfReferenceUID", draft.study.frame_of_reference)
    top.keep("ImageType", ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    shared = top.item("SharedFunctionalGroupsSequence")
    measures = shared.item("PixelMeasuresSequence")
    measures.keep_all(PixelSpacing=["0.9", "0.9"], SliceThickness="3")
    shared.item("PlaneOrientationSequence").keep(
        "ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"]
    )
    shared.item("PixelValueTransformationSequence").keep_all(
        RescaleIntercept="0", RescaleSlope="1", RescaleType="US"
    )
    dimension = f"{draft.uid}.7"
    organisation = top.item("DimensionOrganizationSequence")
    organisation.uid("DimensionOrganizationUID", dimension)
    index = top.item("DimensionIndexSequence")
    index.uid("DimensionOrganizationUID", dimension)
    index.put("DimensionIndexPointer", 0x00209057)
    for frame in range(5):
        group = top.item("PerFrameFunctionalGroupsSequence")
        content = group.item("FrameContentSequence")
        content.moment("FrameAcquisitionDateTime", draft.when, ".250000")
        content.moment("FrameReferenceDateTime", draft.when, "+0000")
        content.keep("DimensionIndexValues", frame + 1)
        if frame == 2:
            content.text("FrameComments", draft.write.comment())
            content.text("FrameLabel", draft.write.written("[SLICE] {FAMILY}"))
        group.item("PlanePositionSequence").keep(
            "ImagePositionPatient", ["-60", "-60", str(frame * 3)]
        )
        source = group.item("DerivationImageSequence").item("SourceImageSequence")
        source.keep("ReferencedSOPClassUID", CLASS + "4")
        source.uid("ReferencedSOPInstanceUID", f"{draft.study.uid}.{draft.slot}.50.{frame}")
    syntax = ("explicit", "j2k", "implicit", "rle", "jpeg-ls")[number % 5]
    finish(draft, stored(pictures, 12), Encoding(syntax), 12)


def xray(draft: Draft) -> None:
    """CR or DX; half with name and side marker in the picture."""
    number, top = draft.number, draft.top
    is_dx = number % 2
    draft.begin(CLASS + ("1.1" if is_dx else "1"), "DX" if is_dx else "CR", 4)
    shape = ((420, 360), (600, 512), (512, 512))[number % 3] if number % 16 != 5 else (1600, 1400)
    picture = projection(draft.rng, shape)
    marker = Style(shape[0] // 14, 1.0, None, 2)
    add(
        draft,
        picture,
        "LR"[number // 2 % 2],
        (shape[1] - 90, shape[0] // 3),
        marker,
        identifying=False,
    )
    draft.specimen.expect("side-marker", "0", "")
    if number % 4 in {0, 1}:
        corner_text(draft, picture, 2 + number % 3)
        if number % 8 == 0:
            top.put("BurnedInAnnotation", "YES")
    elif number % 4 == 2:
        top.put("BurnedInAnnotation", "NO")
    if number % 12 == 7:
        faint = Style(24, -0.04, None, 0)
        add(draft, picture, identifying_lines(draft)[0], (90, shape[0] // 2), faint)
    if number % 12 == 11:
        turned = Style(20, 1.0, 0.0, 0, 1)
        add(draft, picture, identifying_lines(draft)[0], (shape[1] - 40, 90), turned)
    draft.image(spatial=False)
    top.keep_all(
        ImageType=["ORIGINAL", "PRIMARY"],
        BodyPartExamined="CHEST",
        ViewPosition="PA",
        KVP="125",
        ExposureTime="12",
        DistanceSourceToDetector="1800",
        Exposure="4",
        ImagerPixelSpacing=["0.143", "0.143"],
        WindowCenter="2048",
        WindowWidth="4096",
        PixelAspectRatio=["1", "1"],
    )
    top.gone("PlateID", f"PL{draft.study.study_id}", "id")
    top.gone("DetectorID", f"DT{draft.study.serial}", "id")
    if is_dx:
        top.date("DateOfLastDetectorCalibration", draft.study.when)
        top.keep("PresentationIntentType", "FOR PRESENTATION")
        top.keep("PixelIntensityRelationship", "LOG")
    if number % 3 == 0:
        draft.dataset.PhotometricInterpretation = "MONOCHROME1"
        picture = 1 - picture
    bits = (8, 12, 12, 16)[number % 4]
    syntax = ("explicit", "jpeg-lossless", "implicit", "jpeg-ls", "j2k", "jpeg")[number % 6]
    if syntax == "jpeg":
        bits = 8
    finish(draft, stored([picture], bits), Encoding(syntax), bits)


def mammogram(draft: Draft) -> None:
    """Mammogram with a view marker; every third with a name."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "1.2", "MG", 4)
    picture = breast(draft.rng, (640, 512))
    view = ("R CC", "L CC", "R MLO", "L MLO")[number % 4]
    add(draft, picture, view, (420, 90), Style(26, 1.0, None, 2), identifying=False)
    draft.specimen.expect("side-marker", "0", "")
    if number % 3 == 0:
        style = Style(20, (1.0, 0.7)[number % 2], None, number)
        for row, line in enumerate(identifying_lines(draft)[:3]):
            add(draft, picture, line, (300, 500 + 32 * row), style)
    draft.image(spatial=False)
    top.keep_all(
        ImageType=["ORIGINAL", "PRIMARY"],
        ImageLaterality=view[0],
        BodyPartExamined="BREAST",
        KVP="28",
        AnodeTargetMaterial="TUNGSTEN",
        BodyPartThickness="52",
        CompressionForce="96",
        PresentationIntentType="FOR PRESENTATION",
        OrganDose="0.01",
        WindowCenter="2048",
        WindowWidth="4096",
    )
    top.code("ViewCodeSequence", "R-10242", "SRT", "cranio-caudal")
    top.text("WindowCenterWidthExplanation", draft.write.written("[NORMAL] {FAMILY}"))
    syntax = ("explicit", "jpeg-lossless", "j2k", "jpeg-ls", "rle")[number % 5]
    finish(draft, stored([picture], 12), Encoding(syntax), 12)


def angiogram(draft: Draft) -> None:
    """XA or RF run of four frames; every third with a name in every frame."""
    number, top = draft.number, draft.top
    is_rf = number % 2
    draft.begin(CLASS + ("12.2" if is_rf else "12.1"), "RF" if is_rf else "XA")
    pictures = [1 - projection(draft.rng, (256, 256)) for _ in range(4)]
    if number % 3 == 0:
        for frame, picture in enumerate(pictures):
            corner_text(draft, picture, 2, frame)
    draft.image(spatial=False)
    top.keep_all(
        ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        KVP="80",
        ExposureTime="6",
        RadiationSetting="GR",
        PositionerPrimaryAngle="0",
        PositionerSecondaryAngle="0",
        FrameTime="66",
        BodyPartExamined="HEART",
        PixelIntensityRelationship="LIN",
        WindowCenter="128",
        WindowWidth="256",
    )
    top.put("FrameIncrementPointer", 0x00181063)
    syntax = ("jpeg", "jpeg-lossless", "explicit", "rle")[number % 4]
    finish(draft, stored(pictures, 8), Encoding(syntax), 8)


def nuclear(draft: Draft) -> None:
    """PET slice or NM whole body with radiopharmaceutical."""
    number, top = draft.number, draft.top
    is_pt = number % 2
    draft.begin(CLASS + ("128" if is_pt else "20"), "PT" if is_pt else "NM")
    pictures = [hot_spots(draft.rng, (128, 128) if is_pt else (256, 128))]
    if number % 8 == 2:
        corner_text(draft, pictures[0], 1)
    draft.image(spatial=bool(is_pt))
    top.keep("ImageType", ["ORIGINAL", "PRIMARY"] + ([] if is_pt else ["WHOLE BODY", "EMISSION"]))
    drug = top.item("RadiopharmaceuticalInformationSequence")
    drug.text("Radiopharmaceutical", draft.write.written("[Fluorodeoxyglucose]"))
    drug.keep_all(RadionuclideTotalDose="338000000", RadionuclideHalfLife="6586.2")
    drug.put("RadiopharmaceuticalStartTime", f"{draft.when:%H%M%S}.00")
    drug.moment("RadiopharmaceuticalStartDateTime", draft.when, ".00")
    drug.code("RadionuclideCodeSequence", "C-111A1", "SRT", "^18^Fluorine")
    if is_pt:
        top.keep_all(
            Units="BQML",
            CountsSource="EMISSION",
            SeriesType=["WHOLE BODY", "IMAGE"],
            DecayCorrection="START",
            RescaleSlope="0.37",
            RescaleIntercept="0",
            CorrectedImage=["DECY", "ATTN"],
            FrameReferenceTime="112000",
            ActualFrameDuration="120000",
            ReconstructionMethod="OSEM3D 4i8s",
        )
        philips = top.private(0x7053, "Philips PET Private Group")
        philips.keep(0x00, "DS", "0.000551")
        philips.gone(0x03, "LO", draft.study.hospital, "place")
    syntax = ("explicit", "implicit", "j2k", "big-endian")[number % 4]
    finish(draft, stored(pictures, 16 if is_pt else 12), Encoding(syntax), 16 if is_pt else 12)


def capture(draft: Draft) -> None:
    """Secondary capture: a screen in colour, a scanned letter, or a text-free plot."""
    number, top = draft.number, draft.top
    draft.begin(CLASS + "7", "OT")
    top.keep("ConversionType", ("WSD", "SD", "DV")[number % 3])
    top.gone("SecondaryCaptureDeviceID", draft.study.station, "id")
    top.put("SecondaryCaptureDeviceManufacturer", "Screenmaker")
    top.date("DateOfSecondaryCapture", draft.when)
    draft.image(spatial=False)
    picture = _letter(draft) if number % 3 == 1 else _screen(draft, with_text=number % 3 != 2)
    syntax = ("explicit", "jpeg", "rle", "implicit", "j2k", "jpeg-ls", "deflated")[number % 7]
    if picture.ndim == 2:
        finish(draft, stored([picture], 8), Encoding(syntax), 8)
        return
    if number % 5 == 4 and syntax in {"explicit", "implicit", "deflated", "rle"}:
        _palette(draft, picture, syntax)
        return
    colour = "ybr" if number % 4 == 0 and syntax in {"explicit", "implicit", "rle"} else "rgb"
    chroma = ("4:4:4", "4:2:2", "4:2:0")[number % 3]
    planar = number % 6 == 3 and syntax in {"explicit", "implicit"}
    finish(draft, stored([picture], 8), Encoding(syntax, colour, "", chroma, planar), 8)


def _palette(draft: Draft, picture: Picture, syntax: str) -> None:
    ds = draft.dataset
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for name, gamma in (("Red", 1.0), ("Green", 1.1), ("Blue", 0.9)):
        ramp = np.round(65535 * (np.arange(256) / 255) ** gamma).astype("<u2")
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", ramp.tobytes())
    finish(draft, stored([picture[..., 0]], 8), Encoding(syntax), 8)


def _letter(draft: Draft) -> Picture:
    """Draw a scanned letter: black on white, several lines."""
    page = np.ones((520, 420), np.float32)
    style = Style(15, 0.0, None, draft.number % 4)
    for row, line in enumerate(identifying_lines(draft)):
        add(draft, page, line, (30, 30 + 34 * row), style)
    for row, line in enumerate(("Findings: normal liver and spleen", "No pleural effusion")):
        add(draft, page, line, (30, 320 + 34 * row), style, identifying=False)
    return page


def _screen(draft: Draft, *, with_text: bool) -> Picture:
    """Draw a workstation's screen in colour, with or without its text."""
    grey = slice_of_body(draft.rng, (400, 520))
    screen = np.stack([grey, grey, grey], -1)
    screen[:, 500:510, 0] = np.linspace(1, 0, 400)[:, None]
    screen[200:203, 100:400] = (0.1, 0.9, 0.1)
    if with_text:
        corner_text(draft, screen, 4)
    return screen
