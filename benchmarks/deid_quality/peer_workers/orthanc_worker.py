"""Run Orthanc's study-level anonymisation over a folder: SOURCE OUT MAP."""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path


class Server:
    """An Orthanc of its own on a free port, without DICOM listener."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "HttpPort": self.port,
                    "DicomServerEnabled": False,
                    "StorageDirectory": str(folder / "db"),
                    "IndexDirectory": str(folder / "db"),
                    "AuthenticationEnabled": False,
                    "RemoteAccessAllowed": False,
                }
            )
        )
        log = (folder / "log").open("wb")
        command = ["Orthanc", str(folder / "orthanc.json")]
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(100):
            with suppress(OSError):
                self.ask("/system")
                return
            time.sleep(0.2)
        raise SystemExit("Orthanc did not start")

    def ask(self, path: str, data: bytes | None = None) -> bytes:
        """Ask over REST."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, data=data, timeout=120) as answer:
            return answer.read()


def main() -> None:
    source, out, listing = map(Path, sys.argv[1:4])
    lines, owners = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        for path in sorted(one for one in source.rglob("*") if one.is_file()):
            name = str(path.relative_to(source))
            lines[name] = {"src": name, "dst": None, "status": "quarantined", "code": "refused"}
            with suppress(urllib.error.HTTPError):
                stored = json.loads(server.ask("/instances", path.read_bytes()))
                if isinstance(stored, dict) and stored["Status"] == "Success":
                    owners[stored["ID"]] = name
        for study in json.loads(server.ask("/studies")):
            with suppress(urllib.error.HTTPError):
                asked = json.dumps({"Keep": ["StudyDescription", "SeriesDescription"]}).encode()
                made = json.loads(server.ask(f"/studies/{study}/anonymize", asked))
                for one in json.loads(server.ask(f"/studies/{made['ID']}/instances")):
                    whence = f"/instances/{one['ID']}/metadata/AnonymizedFrom"
                    name = owners[server.ask(whence).decode()]
                    (out / f"{one['ID']}.dcm").write_bytes(
                        server.ask(f"/instances/{one['ID']}/file")
                    )
                    lines[name].update(dst=f"{one['ID']}.dcm", status="ok", code=None)
        server.process.terminate()
        server.process.wait()
    listing.write_text("".join(json.dumps(one) + "\n" for one in lines.values()))


main()
