"""Every way x {plain, mutual TLS} x every encoding: pixel data arrive bit for bit as stored."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from archives import (
    PUSH_AE,
    READER_AE,
    PlantedStudy,
    RunningArchive,
    dcmqrscp,
    embedded,
    free_port,
    need,
    orthanc,
)
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from wire import Proxy

from fedpacs.config.pacs import PushPacs
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.push_receiver import PushReceiver
from fedpacs.pacs.reconcile import retrieve_complete
from fedpacs.pacs.tls import client_context, server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from certificates import Certificates

ENCODINGS = {
    "uncompressed": ("MR_small.dcm", ("+x=", "-x=")),
    "rle": ("MR_small_RLE.dcm", ("+xr", "-xr")),
    "jpeg-2000": ("MR_small_jp2klossless.dcm", ("+xv", "-xv")),
    "jpeg-ls": ("MR_small_jpeg_ls_lossless.dcm", ("+xt", "-xt")),
}
WAYS = {
    "orthanc": ("wado-rs", "c-get", "c-move", "push"),
    "embedded": ("c-get", "c-move", "push"),
    "dcmqrscp": ("c-get", "c-move", "push"),
}
CASES = [
    (server, way, wire, encoding)
    for server, ways in WAYS.items()
    for encoding in ENCODINGS
    for wire in ("plain", "tls")
    for way in ways
]


@dataclass(frozen=True)
class Loaded:
    """A running archive that holds one study for each encoding it was loaded with."""

    archive: RunningArchive
    studies: dict[str, PlantedStudy]
    push_port: int
    tls: Any


def _plant(folder: Path, encoding: str) -> PlantedStudy:
    folder.mkdir()
    study_uid, series_uid, files = generate_uid(), generate_uid(), []
    for number in range(3):
        ds = dcmread(str(get_testdata_file(ENCODINGS[encoding][0])))
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber, ds.PatientID, ds.StudyDate = number + 1, "P1", "20240115"
        files.append(folder / f"{number}.dcm")
        ds.save_as(files[-1])
    return PlantedStudy(study_uid, "P1", "20240115", tuple(files))


def _pixels(paths: Any) -> dict[str, tuple[str, bytes]]:
    read = (dcmread(path) for path in paths)
    return {ds.SOPInstanceUID: (ds.file_meta.TransferSyntaxUID, ds.PixelData) for ds in read}


@pytest.fixture(scope="module")
def load(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Callable[..., Loaded]]:
    """Start an archive, or give the one that runs; dcmqrscp keeps one encoding at a time."""
    started: dict[tuple[str, ...], Loaded] = {}
    with ExitStack() as stack:

        def start(server: str, wire: str, encoding: str) -> Loaded:
            key = (server, wire, encoding if server == "dcmqrscp" else "")
            if key not in started:
                folder = tmp_path_factory.mktemp("-".join(filter(None, key)))
                secured = certificates if wire == "tls" else None
                started[key] = _start(stack, folder, key, secured)
            return started[key]

        yield start


def _start(stack: ExitStack, folder: Path, key: tuple[str, ...], secured: Any) -> Loaded:
    server, _, only = key
    push_port = free_port()
    if server == "orthanc":
        running = orthanc(folder, "c-get", secured=secured, push_port=push_port)
        archive = stack.enter_context(running)
    elif server == "embedded":
        more = [f"{PUSH_AE}@127.0.0.1:{push_port}", "ASKER@127.0.0.1"]
        archive = stack.enter_context(embedded(folder, "c-get", secured=secured, more=more))
    else:
        archive = _behind_tls(stack, folder, only, push_port, secured)
    encodings = [only] if only else list(ENCODINGS)
    studies = {name: _plant(folder / name, name) for name in encodings}
    for study in studies.values():
        archive.load(study.files)
    return Loaded(archive, studies, push_port, secured)


def _behind_tls(
    stack: ExitStack, folder: Path, encoding: str, push_port: int, secured: Any
) -> RunningArchive:
    """Run dcmqrscp, which speaks no TLS, the way hospitals do: between two TLS proxies."""
    scp_port = free_port()
    ends = [(READER_AE, scp_port), (PUSH_AE, push_port)]
    if secured is not None:
        outward = client_context(secured.pacs)
        ends = [
            (title, stack.enter_context(Proxy(port, connect_tls=outward)).port)
            for title, port in ends
        ]
    options = ENCODINGS[encoding][1]
    archive = stack.enter_context(
        dcmqrscp(folder, "c-get", options=options, destinations=[*ends, ("ASKER", 1)])
    )
    config = archive.config.model_copy(update={"storage_scp_port": scp_port})
    if secured is not None:
        front = Proxy(config.port, listen_tls=server_context(secured.pacs))
        stack.enter_context(front)
        config = config.model_copy(update={"port": front.port, "tls": secured.site})
    return replace(archive, config=config, writer_config=config)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_pixels_arrive_as_they_are_stored(load, case: tuple[str, ...], tmp_path: Path):
    server, way, wire, encoding = case
    loaded = load(server, wire, encoding)
    study = loaded.studies[encoding]
    fetch = _pushed if way == "push" else _retrieved
    assert _pixels(fetch(loaded, way, study, tmp_path)) == _pixels(study.files)


def _retrieved(loaded: Loaded, way: str, study: PlantedStudy, into: Path) -> list[Path]:
    if way == "wado-rs":
        config: Any = loaded.archive.web
    else:
        config = loaded.archive.config.model_copy(update={"retrieve": way})
    reader = open_reader(config)
    try:
        query = StudyQuery("MR", study_instance_uid=study.study_instance_uid)
        (ref,) = reader.find(query)
        return list(retrieve_complete(reader, ref, into / "staging").files.values())
    finally:
        reader.close()


def _pushed(loaded: Loaded, _way: str, study: PlantedStudy, into: Path) -> list[Path]:
    inbox = PushPacs.model_validate(
        {
            "kind": "push",
            "ae_title": PUSH_AE,
            "port": loaded.push_port,
            "senders": [{"ae_title": loaded.archive.config.called_ae_title, "host": "127.0.0.1"}],
            "inbox": into / "inbox",
            "quiet_s": 0.05,
            "minimum_free_bytes": 0,
            "tls": loaded.tls.site if loaded.tls else None,
        }
    )
    with PushReceiver(inbox):
        _ask_to_push(loaded, study)
    time.sleep(0.1)
    reader = open_reader(inbox)
    try:
        (ref,) = reader.find(StudyQuery("MR"))
        return list(retrieve_complete(reader, ref, into / "staging").files.values())
    finally:
        reader.close()


def _ask_to_push(loaded: Loaded, study: PlantedStudy) -> None:
    """Have an archive send: Orthanc by its own interface, the others by a third one's C-MOVE."""
    if loaded.archive.name == "orthanc":
        _orthanc_sends(loaded, study)
        return
    config = loaded.archive.config
    argv = [
        need("/usr/bin/movescu", "dcmtk"),
        "-S",
        "-aet",
        "ASKER",
        "-aec",
        config.called_ae_title,
    ]
    argv += ["-aem", PUSH_AE, "-k", "QueryRetrieveLevel=STUDY", "127.0.0.1", str(config.port)]
    argv += ["-k", f"StudyInstanceUID={study.study_instance_uid}"]
    if loaded.tls:
        with Proxy(config.port, connect_tls=client_context(loaded.tls.site)) as front:
            argv[argv.index(str(config.port))] = str(front.port)
            subprocess.run(argv, check=True, timeout=30, capture_output=True)
        return
    subprocess.run(argv, check=True, timeout=30, capture_output=True)


def _orthanc_sends(loaded: Loaded, study: PlantedStudy) -> None:
    web = loaded.archive.web
    assert web is not None
    root = web.url.removesuffix("/dicom-web")
    context = client_context(loaded.tls.site) if loaded.tls else None
    found = _post(
        f"{root}/tools/find",
        context,
        {
            "Level": "Study",
            "Query": {"StudyInstanceUID": study.study_instance_uid},
        },
    )
    _post(f"{root}/modalities/inbox/store", context, {"Resources": found, "Synchronous": True})


def _post(url: str, context: Any, body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own loopback server
        url, json.dumps(body).encode(), {"Authorization": "Basic c2l0ZTpzZWNyZXQ="}
    )
    with urllib.request.urlopen(request, context=context, timeout=30) as response:  # noqa: S310 - as above
        return json.load(response)


def test_a_result_is_stored_over_tls(load, tmp_path: Path):
    loaded = load("orthanc", "tls", "uncompressed")
    study = _plant(tmp_path / "result", "uncompressed")
    for config in (loaded.archive.config, loaded.archive.web):
        writer = open_writer(config)
        assert writer.store(study.files).failed == ()
        writer.close()
