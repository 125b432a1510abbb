"""One ingest at work: what is due is fetched, worked on, sealed or put aside, tried again."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fedpacs.agent.disclosure import UnfitSeriesError
from fedpacs.agent.gates import pass_gate
from fedpacs.agent.intake.crew import hire
from fedpacs.agent.intake.docket import Docket, Due, InterruptedStudyError
from fedpacs.agent.intake.failures import Verdict, pause_s, verdict
from fedpacs.agent.intake.fetching import Fetcher, identity_of
from fedpacs.agent.intake.matching import Matcher, query_of
from fedpacs.agent.intake.receipt import made_of, series_of_own, without
from fedpacs.agent.intake.space import DiskLowError, Space
from fedpacs.agent.intake.survey import Survey
from fedpacs.agent.intake.tally import Tally
from fedpacs.agent.intake.throttle import Throttle
from fedpacs.agent.intake.windows import OutsideWindowError
from fedpacs.agent.intake.work import StudyTask
from fedpacs.agent.series import coded_series, standardise_study
from fedpacs.agent.withdrawals import purge, withdrawn
from fedpacs.core.errors import FedpacsError
from fedpacs.pacs.open import open_reader
from fedpacs.policy import disclosure
from fedpacs.records.events import EventKind
from fedpacs.records.study_index import IndexedStudy, StudyState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.agent.disclosure import Prepared
    from fedpacs.agent.intake.crew import Crew
    from fedpacs.agent.intake.windows import Windows
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.study import StudyRef
    from fedpacs.pacs.ports import ArchiveReader

    Progress = Callable[[str, int, int], None]

_REMEMBERED = 1000
"""Most studies that one run keeps in mind to try again; the others wait for the next run."""


class Run:
    """One ingest. What it knows of a study that is identified, it knows in memory only.

    Parameters
    ----------
    premises
        The site.
    job
        Its cohort query says which studies.
    staging
        The staging area, empty, for this run alone.
    windows
        When a study may be begun.
    progress
        Called with the step's name and studies done.
    """

    def __init__(
        self,
        premises: Premises,
        job: JobConfig,
        staging: Path,
        windows: Windows,
        progress: Progress,
    ) -> None:
        config = premises.config
        self.premises = premises
        self.reader: ArchiveReader = open_reader(config.pacs)
        self.tally = Tally()
        self._windows = windows
        self._query = query_of(job.cohort)
        self._config = config.ingest
        self._staging = staging
        self._progress = progress
        self._space = Space(
            staging,
            config.store.path,
            config.ingest.staging_quota_bytes,
            config.ingest.minimum_free_bytes,
        )
        throttle = Throttle(config.ingest.bandwidth_bytes_per_s)
        self._fetcher = Fetcher(self.reader, throttle, self._space, config.ingest)
        self._matcher = Matcher(job.cohort.match)
        self._rules = job.quality.stricter(config.quality)
        vault = premises.profile.policies.identity == "vault"
        self._crew: Crew = hire(config.ingest, one_machine=vault)
        self._working: dict[str, tuple[StudyRef, IndexedStudy]] = {}
        self._again: list[tuple[int, StudyRef]] = []
        self._withdrawn: frozenset[str] = frozenset()
        self._own_results: frozenset[str] = frozenset()

    def do(self, *, retry: bool) -> None:
        """Fetch, work, seal, and try again what may have passed."""
        self._withdrawn = withdrawn(self.premises)
        self.tally.counts["forgotten"] = purge(self.premises, self._withdrawn)
        self.premises.store.tidy()
        asked = self._matcher.digest
        self._own_results = series_of_own(self.premises)
        docket = Docket(self.premises, asked, _now_us, retry=retry)
        known = Survey(
            docket, self.premises.pseudonyms, self.tally, self._withdrawn, self._show
        ).knows
        for ref in self.reader.find(self._query, known):
            if not self._may_begin():
                break
            self._take(ref, docket)
        self._finish(Docket(self.premises, asked, _now_us, retry=False))
        self.premises.store.tidy()
        self.premises.quarantine.trim(self._config.quarantine_quota_bytes)

    def close(self) -> None:
        """Let archive and workers go."""
        self.reader.close()
        self._crew.close()

    def _finish(self, docket: Docket) -> None:
        """Seal what is still being worked on; try again what is due soon."""
        while True:
            self._collect_all()
            soon = _now_us() + int(self._config.patience_s * 1e6)
            due, self._again = [a for a in self._again if a[0] <= soon], []
            if not due or self.tally.stopped:
                return
            for at_us, ref in sorted(due, key=lambda a: a[0]):
                time.sleep(max(0.0, (at_us - _now_us()) / 1e6))
                if not self._may_begin():
                    break
                self._take(ref, docket, anew=False)

    def _take(self, listed: StudyRef, docket: Docket, *, anew: bool = True) -> None:
        """Decide about one study, and fetch it if it is due."""
        ref = without(listed, self._own_results)
        patient = identity_of(ref, self.premises.pseudonyms)
        if patient in self._withdrawn:
            self.tally.counts["withdrawn"] += anew
            self.reader.done(listed)
            return
        self.tally.counts["found"] += anew
        due, study = docket.judge(ref, patient)
        self.tally.subjects.add(study.subject)
        if due is Due.READY:
            self.tally.counts["already"] += anew
            self.reader.done(listed)
        elif due is Due.UNMATCHED:
            self.tally.passed_over("unmatched", study.subject)
        elif due is Due.NOW:
            self.tally.not_ready[study.subject] = "agent.study-interrupted"
            self._begin(ref, study)
        else:
            self.tally.not_ready[study.subject] = study.code
            self.premises.index.put(study)
        self._show()

    def _show(self) -> None:
        self._progress("ingest", self.tally.counts["found"] - len(self._working), 0)

    def _begin(self, ref: StudyRef, study: IndexedStudy) -> None:
        premises = self.premises
        if study.attempts >= self._config.attempts and study.state is StudyState.PENDING:
            # every run so far ended in the middle of it
            error = InterruptedStudyError("The study was begun too often.")
            self._put_aside(replace(study, state=StudyState.GIVEN_UP, code=error.code), error)
            return
        if not study.attempts:
            premises.record(
                EventKind.STUDY_FOUND, study=study.subject, instances=len(ref.sop_instance_uids)
            )
        study = replace(study, state=StudyState.PENDING, code="", attempts=study.attempts + 1)
        premises.index.put(study)
        folder = self._staging / study.subject
        folder.mkdir(mode=0o700)
        try:
            retrieved = self._fetcher.fetch(ref, folder / "identified")
            premises.record(
                EventKind.STUDY_RETRIEVED, study=study.subject, instances=len(retrieved.files)
            )
            matched = self._matcher.matches(retrieved)
            premises.index.judge(study.subject, self._matcher.digest, matched=matched)
            if matched:
                standardise_study(premises, retrieved)
        except FedpacsError as error:
            self._settle_failure(ref, study, error)
            return
        self.tally.counts["retrieved"] += 1
        study = replace(study, received=len(retrieved.files))
        if not matched:
            state, asked = StudyState.UNMATCHED, self._matcher.digest
            premises.index.put(replace(study, state=state, attempts=0, asked=asked))
            self.tally.passed_over("unmatched", study.subject)
            self._empty(study.subject)
            return
        self._working[study.subject] = (ref, study)
        self._crew.submit(
            StudyTask(
                site_file=str(premises.file.resolve()),
                subject=study.subject,
                folder=str(folder),
                instances=len(retrieved.files),
                profile=premises.profile.digest,
                rules=self._rules,
            )
        )
        self._collect(0.0)

    def _may_begin(self) -> bool:
        """Wait for room and time; tell whether another study may be begun."""
        while self._working and len(self._working) > self._crew.size:
            self._collect(None)
        if not self._windows.is_open(datetime.now(UTC)):
            self.tally.stopped = OutsideWindowError.code
            return False
        while not self._space.has_room():
            if not self._working:
                raise DiskLowError("The disk of staging or store is nearly full.")
            self._collect(None)
        return True

    def _collect_all(self) -> None:
        while self._working:
            self._collect(None)

    def _collect(self, wait_s: float | None) -> None:
        for outcome in self._crew.collect(wait_s):
            ref, study = self._working.pop(outcome.task.subject)
            try:
                self._seal(made_of(outcome, ref, self.premises), study)
            except FedpacsError as error:
                self._settle_failure(ref, study, error)
                continue
            self.tally.settled(study.subject)
            self.reader.done(ref)
            self._empty(study.subject)
            self._show()

    def _seal(self, made: Prepared, study: IndexedStudy) -> None:
        """Ask gate 1 for a prepared study and seal it."""
        premises, instances = self.premises, len(made.study.instances)
        premises.record(
            EventKind.STUDY_DEIDENTIFIED,
            study=study.subject,
            profile=made.study.profile_digest,
            instances=instances,
        )
        pass_gate(premises, disclosure.decide(made.facts), study.subject)
        if made.unfit is not None:
            raise UnfitSeriesError(*made.unfit)
        if made.study.patient in self._withdrawn:  # the archive's answer had named nobody
            self.tally.passed_over("withdrawn", study.subject)
            premises.index.remove((study.subject,))
            return
        coded = coded_series(premises, made.study)
        premises.store.put(replace(made.study, series=coded), tidy=False)
        premises.record(EventKind.STUDY_SEALED, study=study.subject, instances=instances)
        premises.quarantine.release(study.subject)
        ready = replace(study, patient=made.study.patient, state=StudyState.READY, attempts=0)
        premises.index.put(ready)
        self.tally.counts["sealed"] += 1
        self.tally.counts["instances"] += instances

    def _settle_failure(self, ref: StudyRef, study: IndexedStudy, error: FedpacsError) -> None:
        """Put a study aside, to be tried again where that may help; raise what stops the run."""
        meaning = verdict(error)
        if meaning in (Verdict.STOP, Verdict.PAUSE):
            self.premises.index.put(replace(study, attempts=max(0, study.attempts - 1)))
            raise error
        state = StudyState.REFUSED if meaning is Verdict.REFUSE else StudyState.GIVEN_UP
        if meaning is Verdict.LATER and study.attempts < self._config.attempts:
            at_us = _now_us() + int(pause_s(self._config, study.attempts) * 1e6)
            state, study = StudyState.WAITING, replace(study, next_try_us=at_us)
            if len(self._again) < _REMEMBERED:
                self._again.append((at_us, ref))
        self._put_aside(replace(study, state=state, code=error.code), error)

    def _put_aside(self, study: IndexedStudy, error: FedpacsError) -> None:
        premises, subject = self.premises, study.subject
        premises.quarantine.put(subject, error, self._staging / subject / "identified")
        premises.record(
            EventKind.STUDY_QUARANTINED, study=subject, code=error.code, attempts=study.attempts
        )
        premises.index.put(study)
        self.tally.put_aside(subject, error.code)
        self._empty(subject)

    def _empty(self, subject: str) -> None:
        shutil.rmtree(self._staging / subject, ignore_errors=True)


def _now_us() -> int:
    return time.time_ns() // 1000
