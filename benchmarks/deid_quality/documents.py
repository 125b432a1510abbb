"""Objects without pictures: SR, GSPS, KO, encapsulated PDF and CDA, ECG."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.deid_quality.images import CLASS
from benchmarks.deid_quality.phrases import Phrase

if TYPE_CHECKING:
    from benchmarks.deid_quality.headers import Draft
    from benchmarks.deid_quality.level import Level

Concept = tuple[str, str, str]
FINDING: Concept = ("121071", "DCM", "Finding")
HISTORY: Concept = ("121060", "DCM", "History")
OBSERVER: Concept = ("121008", "DCM", "Person Observer Name")


def _content(parent: Level, relation: str, kind: str, concept: Concept) -> Level:
    item = parent.item("ContentSequence")
    item.keep("RelationshipType", relation)
    item.keep("ValueType", kind)
    item.code("ConceptNameCodeSequence", *concept)
    return item


def report(draft: Draft) -> None:
    """SR document: names, text, numbers, codes, dates, references and a nested container."""
    number, top, study = draft.number, draft.top, draft.study
    kind = ("88.11", "88.22", "88.33", "88.67")[number % 4]
    draft.begin(CLASS + kind, "SR")
    top.keep("InstanceNumber", str(number))
    top.date("ContentDate", draft.when)
    top.put("ContentTime", f"{draft.when:%H%M%S}")
    top.keep("CompletionFlag", "COMPLETE")
    top.keep("VerificationFlag", "VERIFIED")
    verifier = top.item("VerifyingObserverSequence")
    verifier.gone("VerifyingObserverName", study.reading)
    verifier.gone("VerifyingOrganization", study.hospital, "place")
    verifier.moment("VerificationDateTime", draft.when, ".5+0100")
    author = top.item("AuthorObserverSequence")
    author.put("ObserverType", "PSN")
    author.gone("PersonName", study.performing)
    author.gone("InstitutionName", study.hospital, "place")
    request = top.item("ReferencedRequestSequence")
    request.uid("StudyInstanceUID", study.uid)
    request.gone("AccessionNumber", study.accession, "id")
    request.gone("RequestingPhysician", study.referring)
    request.gone("PlacerOrderNumberImagingServiceRequest", f"PO{study.study_id}", "id")
    request.text("RequestedProcedureDescription", draft.write.description())
    top.keep("ValueType", "CONTAINER")
    top.keep("ContinuityOfContent", "SEPARATE")
    top.code("ConceptNameCodeSequence", "18748-4", "LN", "Diagnostic Imaging Report")
    _tree(draft, top)
    _evidence(draft)
    draft.specimen.syntax = ("explicit", "implicit", "deflated", "big-endian")[number % 4]


def _tree(draft: Draft, top: Level) -> None:
    study, number = draft.study, draft.number
    item = _content(top, "HAS OBS CONTEXT", "PNAME", OBSERVER)
    item.gone("PersonName", study.reading)
    item = _content(top, "HAS OBS CONTEXT", "PNAME", ("121029", "DCM", "Subject Name"))
    item.gone("PersonName", draft.person.name)
    item = _content(top, "HAS OBS CONTEXT", "TEXT", ("121030", "DCM", "Subject ID"))
    item.gone("TextValue", draft.person.patient_id, "id")
    item = _content(top, "CONTAINS", "TEXT", FINDING)
    item.text("TextValue", draft.write.comment())
    item = _content(top, "CONTAINS", "TEXT", HISTORY)
    item.text("TextValue", draft.write.comment())
    item = _content(top, "CONTAINS", "TEXT", FINDING)
    item.text("TextValue", draft.write.finding())
    item = _content(top, "CONTAINS", "DATETIME", ("111526", "DCM", "DateTime Started"))
    item.moment("DateTime", draft.when, ".125")
    item = _content(top, "CONTAINS", "DATE", ("111060", "DCM", "Study Date"))
    item.date("Date", draft.study.when)
    item = _content(top, "CONTAINS", "CODE", FINDING)
    item.code("ConceptCodeSequence", "118599009", "SCT", "Hodgkin lymphoma")
    box = _content(top, "CONTAINS", "CONTAINER", ("125007", "DCM", "Measurement Group"))
    box.keep("ContinuityOfContent", "SEPARATE")
    number_item = _content(box, "CONTAINS", "NUM", ("410668003", "SCT", "Length"))
    measured = number_item.item("MeasuredValueSequence")
    measured.keep("NumericValue", "23.5")
    measured.code("MeasurementUnitsCodeSequence", "mm", "UCUM", "millimeter")
    deeper = _content(number_item, "HAS PROPERTIES", "TEXT", FINDING)
    deeper.text("TextValue", draft.write.description())
    picture = _content(number_item, "INFERRED FROM", "IMAGE", ("121112", "DCM", "Source"))
    sop = picture.item("ReferencedSOPSequence")
    sop.keep("ReferencedSOPClassUID", CLASS + "2")
    sop.refer("ReferencedSOPInstanceUID", _target(draft))
    if number % 3 == 0:
        tracking = _content(box, "HAS OBS CONTEXT", "UIDREF", ("112040", "DCM", "Tracking UID"))
        tracking.uid("UID", f"{study.uid}.{draft.slot}.77")
    if number % 3 == 1:
        local = _content(top, "CONTAINS", "CODE", FINDING).item("ConceptCodeSequence")
        local.put("CodeValue", "L77")
        local.put("CodingSchemeDesignator", "99LOCAL")
        phrase = draft.write.written("[cyst] seen by {Dr doc}")
        local.text("CodeMeaning", phrase)


def _target(draft: Draft) -> str:
    """Name the CT of the same study that references go to."""
    return f"{draft.study.uid}.1.1"


def _evidence(draft: Draft) -> None:
    study = draft.top.item("CurrentRequestedProcedureEvidenceSequence")
    study.uid("StudyInstanceUID", draft.study.uid)
    series = study.item("ReferencedSeriesSequence")
    series.refer("SeriesInstanceUID", f"{draft.study.uid}.1")
    sop = series.item("ReferencedSOPSequence")
    sop.keep("ReferencedSOPClassUID", CLASS + "2")
    sop.refer("ReferencedSOPInstanceUID", _target(draft))


def key_objects(draft: Draft) -> None:
    """Key object selection with a description and references."""
    top = draft.top
    draft.begin(CLASS + "88.59", "KO")
    top.keep("InstanceNumber", str(draft.number))
    top.date("ContentDate", draft.when)
    top.put("ContentTime", f"{draft.when:%H%M%S}")
    top.keep("ValueType", "CONTAINER")
    top.keep("ContinuityOfContent", "SEPARATE")
    top.code("ConceptNameCodeSequence", "113000", "DCM", "Of Interest")
    _evidence(draft)
    item = _content(top, "CONTAINS", "TEXT", ("113012", "DCM", "Key Object Description"))
    item.text("TextValue", draft.write.comment())
    item = _content(top, "HAS OBS CONTEXT", "PNAME", OBSERVER)
    item.gone("PersonName", draft.study.reading)
    image = _content(top, "CONTAINS", "IMAGE", ("121112", "DCM", "Source"))
    sop = image.item("ReferencedSOPSequence")
    sop.keep("ReferencedSOPClassUID", CLASS + "2")
    sop.refer("ReferencedSOPInstanceUID", _target(draft))
    draft.specimen.syntax = "explicit"


def presentation(draft: Draft) -> None:
    """GSPS: text and arrow annotations, layers, labels, a shutter and references."""
    top = draft.top
    draft.begin(CLASS + "11.1", "PR")
    top.keep("InstanceNumber", str(draft.number))
    top.put("ContentLabel", "SAVED_VIEW")
    top.text("ContentDescription", draft.write.description())
    top.gone("ContentCreatorName", draft.study.reading)
    top.date("PresentationCreationDate", draft.when)
    top.put("PresentationCreationTime", f"{draft.when:%H%M%S}")
    series = top.item("ReferencedSeriesSequence")
    series.refer("SeriesInstanceUID", f"{draft.study.uid}.1")
    sop = series.item("ReferencedImageSequence")
    sop.keep("ReferencedSOPClassUID", CLASS + "2")
    sop.refer("ReferencedSOPInstanceUID", _target(draft))
    layer = top.item("GraphicLayerSequence")
    layer.keep("GraphicLayer", "LAYER1")
    layer.keep("GraphicLayerOrder", "1")
    layer.text("GraphicLayerDescription", draft.write.written("[ANNOTATIONS] by {Dr doc}"))
    annotation = top.item("GraphicAnnotationSequence")
    annotation.keep("GraphicLayer", "LAYER1")
    text = annotation.item("TextObjectSequence")
    text.keep("AnchorPointAnnotationUnits", "PIXEL")
    text.text("UnformattedTextValue", draft.write.comment())
    text.keep("AnchorPoint", [20.0, 30.0])
    text.keep("AnchorPointVisibility", "Y")
    second = annotation.item("TextObjectSequence")
    second.keep("AnchorPointAnnotationUnits", "PIXEL")
    second.text("UnformattedTextValue", draft.write.finding())
    second.keep("AnchorPoint", [60.0, 70.0])
    second.keep("AnchorPointVisibility", "Y")
    graphic = annotation.item("GraphicObjectSequence")
    graphic.keep("GraphicAnnotationUnits", "PIXEL")
    graphic.keep("GraphicDimensions", 2)
    graphic.keep("NumberOfGraphicPoints", 2)
    graphic.keep("GraphicData", [10.0, 10.0, 40.0, 40.0])
    graphic.keep("GraphicType", "POLYLINE")
    area = top.item("DisplayedAreaSelectionSequence")
    area.keep("DisplayedAreaTopLeftHandCorner", [1, 1])
    area.keep("DisplayedAreaBottomRightHandCorner", [160, 160])
    area.keep("PresentationSizeMode", "SCALE TO FIT")
    area.keep("PresentationPixelAspectRatio", ["1", "1"])
    window = top.item("SoftcopyVOILUTSequence")
    window.keep_all(WindowCenter="40", WindowWidth="400")
    window.text("WindowCenterWidthExplanation", draft.write.written("[SOFT] {FAMILY}"), "LO")
    draft.specimen.syntax = ("explicit", "implicit")[draft.number % 2]


def pdf_of(draft: Draft) -> bytes:
    """Make a PDF whose text is compressed and whose information names the patient."""
    person, study = draft.person, draft.study
    name = " ".join(person.latin[::-1]).encode()
    text = b"BT /F1 14 Tf 40 780 Td (Befund fuer " + name + b") Tj ET"
    stream = zlib.compress(text) if draft.number % 2 else text
    packing = b"/Filter /FlateDecode " if draft.number % 2 else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< " + packing + b"/Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Author (" + study.reading.encode() + b") /Title (" + name + b") >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for index, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % index + one + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + b"trailer << /Size 7 /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def encapsulated(draft: Draft) -> None:
    """Write an encapsulated PDF or CDA: the document must be gone, or the object refused."""
    top, person = draft.top, draft.person
    is_cda = draft.number % 4 == 3
    draft.begin(CLASS + ("104.2" if is_cda else "104.1"), "DOC")
    top.put("InstanceNumber", str(draft.number))
    top.date("ContentDate", draft.when)
    top.put("BurnedInAnnotation", "YES")
    top.text("DocumentTitle", draft.write.written("[Report] [CT] {Fam, Giv}"))
    top.code("ConceptNameCodeSequence", "18748-4", "LN", "Diagnostic Imaging Report")
    name = " ".join(person.latin[::-1])
    if is_cda:
        document = (
            '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
            f"<recordTarget><patientRole><patient><name>{name}</name></patient></patientRole>"
            "</recordTarget></ClinicalDocument>"
        ).encode()
        top.put("MIMETypeOfEncapsulatedDocument", "text/XML")
    else:
        document = pdf_of(draft)
        top.put("MIMETypeOfEncapsulatedDocument", "application/pdf")
    top.put("EncapsulatedDocument", document + b"\0" * (len(document) % 2))
    for part in person.latin:
        top.plant(part, "name")
    draft.specimen.expect("removed", top.where("EncapsulatedDocument"), name)
    draft.specimen.syntax = "explicit"


def ecg(draft: Draft) -> None:
    """12-lead ECG: two multiplex groups' worth of samples and waveform annotations."""
    top, number = draft.top, draft.number
    draft.begin(CLASS + "9.1.1", "ECG")
    top.keep("InstanceNumber", str(number))
    top.date("ContentDate", draft.when)
    top.put("ContentTime", f"{draft.when:%H%M%S}")
    top.moment("AcquisitionDateTime", draft.when, ".75")
    group = top.item("WaveformSequence")
    group.keep_all(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=2,
        NumberOfWaveformSamples=500,
        SamplingFrequency="500",
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
    )
    group.put("MultiplexGroupLabel", "RHYTHM")
    for lead, code in (("Lead I", "2:1"), ("Lead II", "2:2")):
        channel = group.item("ChannelDefinitionSequence")
        channel.keep("WaveformBitsStored", 16)
        channel.keep("ChannelSensitivity", "1.25")
        channel.code("ChannelSourceSequence", code, "MDC", lead)
        channel.text("ChannelLabel", draft.write.written("[Lead] {FAMILY}"))
    beats = (900 * np.sin(np.arange(1000) / 7.0)).astype("<i2")
    group.put("WaveformData", beats.tobytes(), "OW")
    draft.specimen.expect("retained", group.where("WaveformData"), beats.tobytes().hex())
    for phrase in (draft.write.comment(), draft.write.written("[Sinus] [rhythm], [normal] [ECG]")):
        note = top.item("WaveformAnnotationSequence")
        note.put("AnnotationGroupNumber", 1)
        note.put("ReferencedWaveformChannels", [1, 0])
        note.text("UnformattedTextValue", Phrase(phrase.text, phrase.spans, phrase.words))
    draft.specimen.syntax = ("explicit", "implicit", "big-endian")[number % 3]
    if draft.specimen.syntax == "big-endian":
        group.put("WaveformData", beats.byteswap().tobytes(), "OW")
        draft.specimen.checks[:] = [
            one for one in draft.specimen.checks if not one.where.endswith("54001010")
        ]
