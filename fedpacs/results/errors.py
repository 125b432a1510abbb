"""Errors of results."""

from __future__ import annotations

from fedpacs.core.errors import ResultsError


class SourceMismatchError(ResultsError):
    """The source images and the label map do not belong together."""

    code = "results.source-mismatch"
    default_hint = "Give one source image per slice of the label map, in the same order."


class UnknownLabelError(ResultsError):
    """The label map has a value that no class of the job has."""

    code = "results.unknown-label"
    default_hint = "The label map must hold 0 for background and 1..n for the job's classes."


class UnwritableResultError(ResultsError):
    """The result cannot be made into a conformant object or written."""

    code = "results.unwritable"
    default_hint = "Check free space, and that the source series passes the quality check."
