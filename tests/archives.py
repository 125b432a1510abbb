"""Real archives on free loopback ports, as fixtures: embedded, Orthanc, dcmqrscp, a folder.

A missing system package skips with the command that installs it; where ``CI`` is true it fails.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from wire import Proxy

from fedpacs.config.pacs import DicomwebPacs, DimsePacs, FolderPacs
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

READER_AE = "FEDPACS_SITE_16C"  # sixteen characters, the longest there is
PUSH_AE = "FEDPACS_INBOX"
_HOST = "127.0.0.1"
_START_S = 20.0
_NO_DELAY = os.environ.get("TCP_NODELAY", "1")  # 0: what DCMTK's servers do by themselves


@dataclass(frozen=True)
class RunningArchive:
    """An archive and how to reach it."""

    name: str
    config: DimsePacs | DicomwebPacs | FolderPacs
    writer_config: DimsePacs | DicomwebPacs | None = None
    folder: Path | None = None
    compressed: bool = True
    """Whether it keeps RLE and JPEG 2000."""
    names_sop_classes: bool = True
    """Whether it answers the optional key SOPClassUID."""
    web: DicomwebPacs | None = None
    """The same archive by DICOMweb."""

    def load(self, files: Sequence[Path]) -> None:
        """Put files into it, by the way it offers."""
        if self.folder is not None:
            for file in files:
                shutil.copy(file, self.folder / f"export-{len(list(self.folder.iterdir())):04d}")
            return
        from fedpacs.pacs.open import open_writer

        assert self.writer_config is not None
        receipt = open_writer(self.writer_config).store(files)
        assert receipt.failed == ()


@dataclass(frozen=True)
class PlantedStudy:
    """A study on disk that tests load into archives."""

    study_instance_uid: str
    patient_id: str
    study_date: str
    files: tuple[Path, ...]

    def uncompressed(self) -> PlantedStudy:
        """Leave out what a plain archive does not take."""
        plain = tuple(f for f in self.files if not f.name.startswith(("rle", "j2k")))
        return replace(self, files=plain)


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def need(program: str, package: str) -> str:
    """Find a system program, or skip (fail in CI) with the way to get it."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/bin")
    if found is None:
        advice = f"{program} is missing: apt-get install --no-install-recommends {package}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(advice)
        pytest.skip(advice)
    return found


@contextmanager
def running(argv: Sequence[str], port: int, log: Path, **environment: str) -> Iterator[Any]:
    """Run a server until the block ends; it listens when the block begins."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(argv),
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            restore_signals=False,  # SIGPIPE stays ignored: Orthanc would die of a TLS hang-up
        )
        try:
            _await_port(process, port, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _await_port(process: Any, port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex((_HOST, port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"{process.args[0]} did not start: {log.read_text(errors='replace')[-2000:]}")


def dimse(retrieve: str, port: int, called: str, scp_port: int | None, **more: Any) -> DimsePacs:
    """Write a [pacs] block."""
    return DimsePacs.model_validate(
        {
            "kind": "dimse",
            "host": _HOST,
            "port": port,
            "called_ae_title": called,
            "calling_ae_title": READER_AE,
            "retrieve": retrieve,
            "storage_scp_port": scp_port,
            "timeout_s": 10.0,
            **more,
        }
    )


@contextmanager
def embedded(
    folder: Path,
    retrieve: str,
    *,
    secured: Any = None,
    more: Sequence[str] = (),
    destination: int | None = None,
) -> Iterator[RunningArchive]:
    """Run the embedded PACS as the process that users start; `secured` gives it TLS."""
    port, scp_port = free_port(), free_port()
    argv = [sys.executable, "-m", "fedpacs.pacs.embedded", "--aet", "EMBEDDED", "--port", str(port)]
    argv += ["--store", str(folder / "store"), "--allow"]
    argv += [f"{READER_AE}@{_HOST}:{destination or scp_port}"]
    for peer in more:
        argv += ["--allow", peer]
    if secured is not None:
        argv += ["--tls-ca", str(secured.pacs.ca), "--tls-key", secured.pacs.key]
        argv += ["--tls-certificate", str(secured.pacs.certificate)]
    with running(argv, port, folder / "log"):
        tls = secured.site if secured is not None else None
        config = dimse(retrieve, port, "EMBEDDED", scp_port, tls=tls)
        yield RunningArchive("embedded", config, config)


@contextmanager
def orthanc(
    folder: Path,
    retrieve: str,
    *,
    knows_us: bool = True,
    secured: Any = None,
    push_port: int | None = None,
) -> Iterator[RunningArchive]:
    """Run Orthanc with every right written out: a right left out would mean allowed.

    An Orthanc that does not know us serves everybody, and cannot move to us. `secured` gives it
    mutual TLS, for DIMSE and for HTTP; `push_port` is where it can send to of its own accord.
    """
    program = need("Orthanc", "orthanc")
    port, http_port, scp_port = free_port(), free_port(), free_port()
    verbs = ("Echo", "Find", "Get", "Move", "Store")
    allowed = {f"Allow{verb}": True for verb in verbs}
    unnamed = {f"DicomAlwaysAllow{verb}": not knows_us for verb in verbs}
    modality = {"Host": _HOST, **allowed, "UseDicomTls": secured is not None}
    site = {"AET": READER_AE, "Port": scp_port, **modality}
    inbox = {"AET": PUSH_AE, "Port": push_port, **modality}
    known = {"site": site, **({"inbox": inbox} if push_port else {})}
    settings = {
        "Name": "contract",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "DicomAet": "ORTHANC",
        "DicomPort": port,
        "DicomCheckCalledAet": True,
        "StrictAetComparison": True,
        "DicomModalities": known if knows_us else {},
        "SaveJobs": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"site": "secret"},
        **unnamed,
        **(_orthanc_tls(secured) if secured is not None else {}),
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    argv = [program, str(folder / "orthanc.json")]
    log = folder / "log"
    with ExitStack() as stack:
        process = stack.enter_context(
            running(argv, http_port, log, TCP_NODELAY=_NO_DELAY, HOME=str(folder))
        )
        _await_port(process, port, log)
        tls = secured.site if secured is not None else None
        ladder = "auto" if retrieve == "wado-rs" else retrieve
        config = dimse(ladder, port, "ORTHANC", scp_port, tls=tls)
        if secured is not None:
            # its own HTTPS crashes on client certificates (1.10.1); a proxy does it, as elsewhere
            front = stack.enter_context(Proxy(http_port, listen_tls=server_context(secured.pacs)))
            http_port = front.port
        web = dicomweb(folder, http_port, tls)
        if retrieve == "wado-rs":
            yield RunningArchive("orthanc", web, config, web=web)
        else:
            yield RunningArchive("orthanc", config, config, web=web)


def _orthanc_tls(secured: Any) -> dict[str, Any]:
    pacs = secured.pacs
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pacs.certificate),
        "DicomTlsPrivateKey": pacs.key.removeprefix("file:"),
        "DicomTlsTrustedCertificates": str(pacs.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }


def dicomweb(folder: Path, port: int, tls: Any = None, **more: Any) -> DicomwebPacs:
    """Write a [pacs] block for Orthanc's DICOMweb plugin."""
    password = folder / "password"
    if not password.exists():
        password.touch(0o600)
        password.write_text("secret\n")
    scheme = "http" if tls is None else "https"
    return DicomwebPacs.model_validate(
        {
            "kind": "dicomweb",
            "url": f"{scheme}://{_HOST}:{port}/dicom-web",
            "user": "site",
            "password": f"file:{password}",
            "timeout_s": 10.0,
            "tls": tls,
            **more,
        }
    )


@contextmanager
def dcmqrscp(
    folder: Path,
    retrieve: str,
    *,
    knows_us: bool = True,
    options: Sequence[str] = ("--disable-get",),
    destinations: Sequence[tuple[str, int]] = (),
) -> Iterator[RunningArchive]:
    """Run DCMTK's archive the way a legacy PACS is: C-MOVE only.

    `destinations` are further AE titles and ports, or another port for ours.
    """
    program = need("dcmqrscp", "dcmtk")
    port, scp_port = free_port(), free_port()
    (folder / "LEGACY").mkdir()
    known = [(READER_AE if knows_us else "OTHER", scp_port)]
    if destinations:
        known = list(destinations)
    lines = [
        f"NetworkTCPPort = {port}",
        "MaxPDUSize = 16384",
        "MaxAssociations = 16",
        "HostTable BEGIN",
        *(f"d{n} = ({title}, {_HOST}, {to})" for n, (title, to) in enumerate(known)),
        f"site = {', '.join(f'd{n}' for n in range(len(known)))}",
        "HostTable END",
        "VendorTable BEGIN",
        "VendorTable END",
        "AETable BEGIN",
        f"LEGACY {folder / 'LEGACY'} RW (200, 4096mb) {'site' if knows_us else 'ANY'}",
        "AETable END",
    ]
    (folder / "dcmqrscp.cfg").write_text("\n".join(lines) + "\n")
    argv = [program, "-c", str(folder / "dcmqrscp.cfg"), *options, "-dhl"]
    with running(argv, port, folder / "log", TCP_NODELAY=_NO_DELAY):
        config = dimse(retrieve, port, "LEGACY", scp_port)
        yield RunningArchive("dcmqrscp", config, config, compressed=False, names_sop_classes=False)


@contextmanager
def export_folder(folder: Path, retrieve: str) -> Iterator[RunningArchive]:
    """Give an empty export folder."""
    assert retrieve == "copy"
    (folder / "export").mkdir()
    yield RunningArchive(
        "folder", FolderPacs(kind="folder", path=folder / "export"), folder=folder / "export"
    )


KINDS: dict[str, tuple[Callable[[Path, str], Any], str]] = {
    "embedded-c-get": (embedded, "c-get"),
    "embedded-c-move": (embedded, "c-move"),
    "orthanc-c-get": (orthanc, "c-get"),
    "orthanc-c-move": (orthanc, "c-move"),
    "orthanc-wado-rs": (orthanc, "wado-rs"),
    "dcmqrscp-c-move": (dcmqrscp, "c-move"),
    "folder": (export_folder, "copy"),
}


@pytest.fixture(scope="module", params=list(KINDS))
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningArchive]:
    """Every kind of archive, empty when the module begins."""
    start, retrieve = KINDS[request.param]
    with start(tmp_path_factory.mktemp(request.param), retrieve) as found:
        yield found


@pytest.fixture(
    scope="module", params=["embedded-c-get", "orthanc-c-get", "orthanc-wado-rs", "dcmqrscp-c-move"]
)
def writable_archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningArchive]:
    """Every kind of archive that takes results."""
    start, retrieve = KINDS[request.param]
    with start(tmp_path_factory.mktemp(request.param), retrieve) as found:
        yield found


@pytest.fixture
def embedded_pacs(tmp_path: Path) -> Iterator[EmbeddedPacs]:
    """Run the embedded PACS in this process; READER_AE may do everything but be moved to."""
    from fedpacs.pacs.access import parse_peer

    peers = [parse_peer(f"{READER_AE}@{_HOST}")]
    with EmbeddedPacs("EMBEDDED", (_HOST, 0), tmp_path / "pacs", peers) as pacs:
        yield pacs


def plant_study(folder: Path, number: int = 1, *, with_seg: bool = True) -> PlantedStudy:
    """Write one MR study: three plain slices, one RLE, one JPEG 2000, and a segmentation."""
    folder.mkdir(parents=True, exist_ok=True)
    study_uid = generate_uid()
    patient_id, date = f"MRN-{number:06d}", f"2024{number:02d}15"
    image_series, seg_series = generate_uid(), generate_uid()
    sources = [
        ("mr0", "MR_small.dcm", image_series, "MR"),
        ("mr1", "MR_small.dcm", image_series, "MR"),
        ("mr2", "MR_small.dcm", image_series, "MR"),
        ("rle", "MR_small_RLE.dcm", image_series, "MR"),
        ("j2k", "JPEG2000.dcm", generate_uid(), "NM"),
    ]
    if with_seg:
        sources.append(("seg", "liver_1frame.dcm", seg_series, "SEG"))
    files = []
    for position, (name, source, series_uid, modality) in enumerate(sources):
        ds = dcmread(str(get_testdata_file(source)))
        ds.StudyInstanceUID = study_uid
        ds.SeriesInstanceUID = series_uid
        ds.SOPInstanceUID = generate_uid()
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.Modality = modality
        ds.PatientID = patient_id
        ds.PatientName = f"Müller^Number{number}"
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.StudyDate = date
        ds.InstanceNumber = position + 1
        path = folder / f"{name}-{number}.dcm"
        ds.save_as(path)
        files.append(path)
    return PlantedStudy(study_uid, patient_id, date, tuple(files))
