from __future__ import annotations

import logging
import threading
import warnings

import pytest

from fedpacs.cli.quiet import quiet

NAME = "GARCIA^LOPEZ"


@pytest.fixture
def printed(capsys):
    def read() -> str:
        return "".join(capsys.readouterr())

    return read


def test_a_librarys_warning_and_log_record_are_not_printed(printed):
    with quiet():
        warnings.warn(f"Invalid value {NAME}", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("Invalid value %s", NAME)
        logging.getLogger("pynetdicom.assoc").error("Value %s", NAME)
    assert NAME not in printed()


def test_a_log_record_of_ours_is_printed(printed):
    with quiet():
        logging.getLogger("fedpacs.pacs").warning("association lost")
    assert printed() == "WARNING fedpacs.pacs: association lost\n"


def test_a_thread_that_ends_badly_tells_its_type_only(printed):
    def broken() -> None:
        raise ValueError(NAME)

    with quiet():
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
    told = printed()
    assert "a thread ended: ValueError at " in told
    assert NAME not in told
    assert "Traceback" not in told


def test_an_object_that_is_lost_badly_tells_nothing(printed):
    class Broken:
        def __del__(self) -> None:
            raise ValueError(NAME)

    with quiet():
        thing = Broken()
        del thing
    assert printed() == ""


def test_afterwards_everything_is_as_it_was():
    before = (threading.excepthook, list(logging.getLogger("fedpacs").handlers))
    with quiet():
        pass
    assert (threading.excepthook, list(logging.getLogger("fedpacs").handlers)) == before
