"""The docket: which study is due, told from its listing, the index and the sealed store.

A study is due when nothing is known of it, when the archive lists something else than before,
when the site's profile has changed, when its time has come to be tried again, or when a person
asked. What the index says to be ready is held to the store. A study that was ready and is counted
by the archive as before is not listed again for some days; the first time, and whenever a count
changes, only instance UIDs make it ready. What the store holds and the index does
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
    from fedpacs.core.study import StudyRef, SurveyedStudy


_DAY_US = 86_400 * 10**6


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


def counts_of(study: SurveyedStudy) -> tuple[int, int]:
    """Give series and instances as an archive counts them, -1 where it does not."""
    counts = study.num_series, study.num_instances
    series, instances = (-1 if count is None else count for count in counts)
    return series, instances


class Docket:
    """Decides for each study that an archive lists.

    Parameters
    ----------
    premises
        The site.
    asked
        Digest of what a fetched study is held to; empty when that is nothing.
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
        self._lasting_us = int(premises.config.ingest.full_survey_days * _DAY_US)

    def survey(self, study: SurveyedStudy, patient: str) -> tuple[Due, str] | None:
        """Decide about a study by its counts alone, and give its pseudonym.

        None where it has to be listed: it is new, is not ready, has another count or patient than
        when it was last listed, or that was too long ago.
        """
        subject = self._premises.pseudonyms.uid(study.study_instance_uid)
        known = self._premises.index.get(subject)
        if known is None or study.num_instances is None or known.profile != self._profile:
            return None
        if (patient and patient != known.patient) or counts_of(study) != (
            known.counted_series,
            known.counted_instances,
        ):
            return None
        if not known.listed_us <= self._now_us() < known.listed_us + self._lasting_us:
            return None
        if known.state is StudyState.UNMATCHED and known.asked == self._asked:
            return Due.UNMATCHED, subject
        if known.state is StudyState.READY and self._is_held(subject, known.expected):
            matched = self._matches(subject)
            if matched is not None:
                return (Due.READY if matched else Due.UNMATCHED), subject
        return None

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
        if ref.surveyed is not None:
            series, instances = counts_of(ref.surveyed)
            study = replace(study, counted_series=series, counted_instances=instances)
        if self._is_sealed(subject, uids):
            matched = self._matches(subject)
            if matched is not None:
                return (Due.READY if matched else Due.UNMATCHED), self._ready(study, known=same)
            # sealed for another job: only the archive's headers can tell
            same = same and study.state not in (StudyState.READY, StudyState.UNMATCHED)
        if not same:
            return Due.NOW, replace(study, state=StudyState.PENDING, code="", attempts=0)
        return self._known(study), study

    def _matches(self, subject: str) -> bool | None:
        """Tell whether a study has what the job asks for; None if its headers were not seen."""
        return self._premises.index.judged(subject, self._asked) if self._asked else True

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
        anew = not known or study.state is not StudyState.READY
        if anew:
            self._complete_book(study.subject, study.expected)
            self._premises.quarantine.release(study.subject)
        if anew or study.counted_instances >= 0:  # without counts it is listed every time anyway
            self._premises.index.put(ready)
        return ready

    def _is_held(self, subject: str, instances: int) -> bool:
        """Tell whether the store has all that was listed of a study, of today's profile."""
        store = self._premises.store
        if not store.has(subject):
            return False
        record = store.study(subject)
        return record.profile_digest == self._profile and len(record.instances) == instances

    def _complete_book(self, subject: str, instances: int) -> None:
        """Write that a study is sealed where a kill came between the act and the entry."""
        book = self._premises.book
        sealed = book.last(EventKind.STUDY_SEALED, study=subject)
        made = book.last(EventKind.STUDY_DEIDENTIFIED, study=subject)
        if sealed is None or (made is not None and made.index > sealed.index):
            self._premises.record(EventKind.STUDY_SEALED, study=subject, instances=instances)
