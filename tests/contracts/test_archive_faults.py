"""A wire that drops, stalls, falls silent or adds noise: complete and true, or a coded error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from archives import READER_AE, PlantedStudy, dcmqrscp, embedded, free_port, orthanc
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from wire import Fault, Proxy

from fedpacs.core.errors import PacsError
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS = ["orthanc-wado-rs", "orthanc-c-get", "embedded-c-get", "embedded-c-move", "dcmqrscp-c-move"]
PLACES = [900, 11_000, 31_000]
"""Bytes after the beginning: in the negotiation or headers, in the first and in a later slice."""


def _plant(folder: Path) -> PlantedStudy:
    study_uid, series_uid, files = generate_uid(), generate_uid(), []
    for number in range(5):
        ds = dcmread(str(get_testdata_file("MR_small.dcm")))
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study_uid, series_uid
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.PatientID, ds.StudyDate, ds.InstanceNumber = "P1", "20240115", number
        files.append(folder / f"{number}.dcm")
        ds.save_as(files[-1])
    return PlantedStudy(study_uid, "P1", "20240115", tuple(files))


class Wire:
    """A loaded archive whose instances pass a proxy."""

    def __init__(self, archive: Any, way: str, destination: int) -> None:
        self._archive = archive
        self._way = way
        self._destination = destination

    def listed(self) -> Any:
        """What the archive lists, asked over a sound wire."""
        reader = open_reader(self._archive.config)
        try:
            (ref,) = reader.find(StudyQuery("MR"))
            return ref
        finally:
            reader.close()

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[Any]:
        """Give the reader's configuration while the wire has a fault."""
        config = self._archive.config
        if self._way == "c-move":
            with Proxy(config.storage_scp_port, fault=fault, upstream=True, port=self._destination):
                yield config.model_copy(update={"timeout_s": 1.0})
            return
        if self._way == "wado-rs":
            config = self._archive.web
            port = int(config.url.split(":")[2].split("/")[0])
            with Proxy(port, fault=fault) as proxy:
                url = config.url.replace(str(port), str(proxy.port))
                yield config.model_copy(update={"url": url, "timeout_s": 1.0})
            return
        with Proxy(config.port, fault=fault) as proxy:
            yield config.model_copy(update={"port": proxy.port, "timeout_s": 1.0})


@pytest.fixture(scope="module", params=WAYS)
def wire(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An archive, its study, and what its pixels are."""
    server, way = request.param.split("-", 1)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "source").mkdir()
    study = _plant(folder / "source")
    destination, listening = free_port(), free_port()
    starts = {
        "orthanc": lambda: orthanc(folder, "c-get" if way == "wado-rs" else way),
        "embedded": lambda: embedded(folder, way, destination=destination),
        "dcmqrscp": lambda: dcmqrscp(folder, way, destinations=[(READER_AE, destination)]),
    }
    with starts[server]() as archive:
        archive.load(study.files)
        object.__setattr__(
            archive, "config", archive.config.model_copy(update={"storage_scp_port": listening})
        )
        yield Wire(archive, way, destination), _pixels(study.files)


def _pixels(files: Any) -> dict[str, bytes]:
    return {ds.SOPInstanceUID: ds.PixelData for ds in map(dcmread, files)}


def _fetch(config: Any, ref: Any, staging: Path) -> dict[str, bytes] | str:
    """Give the pixels of a study that counts as complete, else the code of the refusal."""
    reader = open_reader(config)
    try:
        study = retrieve_complete(reader, ref, staging)
        return _pixels(study.files.values())
    except PacsError as error:
        return error.code if error.hint else "no next step"
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("kind", "place"),
    [*((kind, place) for kind in ("drop", "garbage") for place in PLACES), ("silence", 11_000)],
)
def test_a_fault_once_ends_complete_and_true_or_in_a_code(wire, kind, place, tmp_path: Path):
    archive, pixels = wire
    with archive.broken(Fault(kind, place, times=1)) as config:
        got = _fetch(config, archive.listed(), tmp_path / "staging")
    assert got == pixels or (isinstance(got, str) and got.startswith("pacs."))


@pytest.mark.parametrize("kind", ["drop", "garbage"])
def test_a_fault_on_every_connection_never_ends_untrue(wire, kind, tmp_path: Path):
    archive, pixels = wire
    fault = Fault(kind, 5_000)  # within the first slice that a connection carries
    with archive.broken(fault) as config:
        got = _fetch(config, archive.listed(), tmp_path / "staging")
    assert fault.times < 10**6, "nothing was broken"
    assert got == pixels or (isinstance(got, str) and got.startswith("pacs."))


def test_a_delay_is_borne(wire, tmp_path: Path):
    archive, pixels = wire
    with archive.broken(Fault("delay", PLACES[1], delay_s=0.6)) as config:
        assert _fetch(config, archive.listed(), tmp_path / "staging") == pixels
