"""Errors of the review by eye."""

from __future__ import annotations

from fedpacs.core.errors import DeidentificationError


class NothingToReviewError(DeidentificationError):
    """The folder holds no de-identified file to look at."""

    code = "deid.nothing-to-review"
    default_hint = "Name the folder that `fedpacs deid run` wrote."


class ReviewFolderError(DeidentificationError):
    """The contact sheet cannot be written where it should."""

    code = "deid.review-folder"
    default_hint = "Name a new folder outside the reviewed one: the sheet may be identified."


class ReviewMapError(DeidentificationError):
    """The map that tells sources from targets cannot be read."""

    code = "deid.review-map"
    default_hint = "Give the file that `fedpacs deid run --map` wrote, with its --source."


class VerdictUnreadableError(DeidentificationError):
    """The file is not a verdict as the contact sheet saves it."""

    code = "deid.verdict-unreadable"
    default_hint = "Save the verdict with the button on the contact sheet, and give that file."


class VerdictIncompleteError(DeidentificationError):
    """Not every object of the sample has a verdict."""

    code = "deid.verdict-incomplete"
    default_hint = "Look at the rest, then save the verdict again."


class VerdictMismatchError(DeidentificationError):
    """The verdict is about other files than those in the folder now."""

    code = "deid.verdict-mismatch"
    default_hint = "The folder has changed since: make a new contact sheet and look again."


class ReviewerNameError(DeidentificationError):
    """The reviewer is not named in 1 to 64 printable characters."""

    code = "deid.reviewer"
    default_hint = "Give your name or staff code with --reviewer."


class ReviewRecordError(DeidentificationError):
    """The record of reviews was changed, or cannot be written."""

    code = "deid.review-record"
    default_hint = "Stop. Keep the record as it is, and find out who could write to it."


class ReviewFoundLeakError(DeidentificationError):
    """A reviewer saw something that identifies a person. It is recorded."""

    code = "deid.review-leak"
    default_hint = "Keep the folder inside; correct the profile, run again, and review again."
