"""The docket: which study is due, told from its listing, the index and the sealed store.

A study is due when nothing is known of it, when the archive lists something else than before,
when the site's profile has changed, when its time has come to be tried again, or when a person
asked. What the index says to be ready is held to the store. What the store holds and the index does
not know (it was lost, or a run was killed between sealing and noting it) is taken over, and the
entry that the book lacks is written.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.records.events import EventKind
from fedpacs.records.study_index import IndexedStudy, StudyState

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.premises import Premises
    from fedpacs.core.study import StudyRef


class InterruptedStudyError(AgentError):
    """The run ended, again and again, while it was working on the study."""

    code = "agent.study-interrupted"
    default_hint = "Look whether memory ran out; `fedpacs site ingest --retry` tries again."


class Due(Enum):
    """Whether a study has its turn."""

    NOW = auto()
    READY = auto()
    NOT_YET = auto()
    DEAD = auto()
    UNMATCHED = auto()


class Docket:
    """Decides for each study that an archive lists.

    Parameters
    ----------
    premises
        The site.
    asked
        Digest of what a fetched study is held to.
    now_us
        Clock, microseconds since 1970, UTC.
    retry
        A person asked: what was refused, given up or waits is due.
    """

    def __init__(
        self, premises: Premises, asked: str, now_us: Callable[[], int], *, retry: bool
    ) -> None:
        self._premises = premises
        self._asked = asked
        self._now_us = now_us
        self._retry = retry
        self._profile = premises.profile.digest

    def judge(self, ref: StudyRef, patient: str) -> tuple[Due, IndexedStudy]:
        """Decide, and give the study as the index is to know it."""
        subject = self._premises.pseudonyms.uid(ref.study_instance_uid)
        uids = frozenset(self._premises.pseudonyms.uid(uid) for uid in ref.sop_instance_uids)
        listing = sha256_hex("\n".join([*sorted(uids), str(ref.unlisted)]).encode())
        known = self._premises.index.get(subject)
        study = replace(
            known or IndexedStudy(subject, patient, StudyState.PENDING),
            patient=patient or (known.patient if known else ""),
            expected=len(uids),
        )
        same = (study.listing, study.profile) == (listing, self._profile)
        study = replace(study, listing=listing, profile=self._profile, listed_us=self._now_us())
        if self._is_sealed(subject, uids):
            return Due.READY, self._ready(study, known=same)
        if not same:
            return Due.NOW, replace(study, state=StudyState.PENDING, code="", attempts=0)
        return self._known(study), study

    def _known(self, study: IndexedStudy) -> Due:
        """Decide for a study that is as it was."""
        if study.state is StudyState.UNMATCHED:
            return Due.UNMATCHED if study.asked == self._asked else Due.NOW
        if self._retry:
            return Due.NOW
        if study.state in (StudyState.REFUSED, StudyState.GIVEN_UP):
            return Due.DEAD
        if study.state is StudyState.WAITING and study.next_try_us > self._now_us():
            return Due.NOT_YET
        return Due.NOW

    def _is_sealed(self, subject: str, uids: frozenset[str]) -> bool:
        """Tell whether the store holds exactly what is listed, under the profile of today.

        No table of identities is kept: the archive's UIDs are pseudonymised again and compared.
        """
        store = self._premises.store
        if not store.has(subject) or store.study(subject).profile_digest != self._profile:
            return False
        return uids == store.sop_instance_uids(subject)

    def _ready(self, study: IndexedStudy, *, known: bool) -> IndexedStudy:
        ready = replace(study, state=StudyState.READY, code="", attempts=0, next_try_us=0)
        ready = replace(ready, received=ready.expected)
        if not known or study.state is not StudyState.READY:
            self._complete_book(study.subject, study.expected)
            self._premises.quarantine.release(study.subject)
            self._premises.index.put(ready)
        return ready

    def _complete_book(self, subject: str, instances: int) -> None:
        """Write that a study is sealed where a kill came between the act and the entry."""
        book = self._premises.book
        sealed = book.last(EventKind.STUDY_SEALED, study=subject)
        made = book.last(EventKind.STUDY_DEIDENTIFIED, study=subject)
        if sealed is None or (made is not None and made.index > sealed.index):
            self._premises.record(EventKind.STUDY_SEALED, study=subject, instances=instances)
