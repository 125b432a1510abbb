"""Statistics of a site's cohort: approved, counted, held to gate 3, booked, and only then written.

The order is that of a training round. Nothing leaves by itself: the signed file lies in the
site's own folder, where people can read every number in it before they hand it over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.agent.consent import state_of, statistics_terms_of
from fedpacs.agent.counting import count
from fedpacs.agent.earlier_statistics import earlier_releases
from fedpacs.agent.gates import pass_gate
from fedpacs.agent.snapshot import current_cohort, require_profile
from fedpacs.agent.statistics_file import (
    counter,
    draft_of,
    given_before,
    ledger_of,
    report_of,
    write_private,
)
from fedpacs.core.digest import digest_of, sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.core.statistics import Noise, SiteStatistics
from fedpacs.federation.statistics import statistics_schema, write_statistics
from fedpacs.policy import statistics as gate
from fedpacs.policy.limits import stricter
from fedpacs.policy.suppression import merge, smallest_support
from fedpacs.records.approvals import ApprovalState
from fedpacs.records.budget import noise_multiplier_for
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.agent.counting import Count
    from fedpacs.agent.premises import Premises
    from fedpacs.agent.statistics_file import StatisticsReport
    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort
    from fedpacs.core.terms import Terms
    from fedpacs.federation.statistics import StatisticsSchema

    Progress = Callable[[str, int, int], None]


class StatisticsNotApprovedError(AgentError):
    """The hospital's people have not approved that these statistics leave, or no longer do."""

    code = "agent.statistics-not-approved"
    default_hint = (
        "Read `fedpacs job preview FILE`, then `fedpacs site approve --statistics`; a change of "
        "job, cohort, profile or FedPACS version needs a new approval."
    )


def release_statistics(
    premises: Premises, job: JobConfig, progress: Progress | None = None
) -> StatisticsReport:
    """Release the statistics of the job's cohort.

    Parameters
    ----------
    premises
        The site.
    job
        Asks for statistics.
    progress
        Called with step, done and total.

    Raises
    ------
    StatisticsNotApprovedError
        If the terms are not approved now.
    GateClosedError
        If gate 3 stays closed; nothing leaves.
    BudgetExhaustedError
        If noise would cost more than the site allows.
    RecordsError
        If the book cannot be written; nothing is released then.
    """
    terms = statistics_terms_of(premises, job)
    _require_approval(premises, terms)
    cohort = current_cohort(premises, job)
    require_profile(premises, cohort)
    schema = statistics_schema(job)
    if cohort.digest != terms.cohort_digest:
        raise StatisticsNotApprovedError("The cohort changed while its approval was looked up.")
    with counter(premises) as folder:
        file = folder / f"{premises.config.site.name}-{terms.digest[:12]}.json"
        if released := premises.book.last(EventKind.STATISTICS_RELEASED, terms=terms.digest):
            return given_before(premises, file, str(released.event.fields["payload"]))
        counted = count(premises, job, cohort, schema, progress)
        return _Release(premises, job, terms, cohort, schema).write(counted, file)


class _Release:
    """One release, from what was counted to the file."""

    def __init__(
        self,
        premises: Premises,
        job: JobConfig,
        terms: Terms,
        cohort: Cohort,
        schema: StatisticsSchema,
    ) -> None:
        self._premises = premises
        self._job = job
        self._terms = terms
        self._cohort = cohort
        self._schema = schema
        self._limits = stricter(premises.config.limits, job)
        self._ledger = ledger_of(premises)

    def write(self, counted: Count, file: Path) -> StatisticsReport:
        """Ask the gate, charge, book, write."""
        noise = self._noise()
        if noise is None:
            return self._finish(self._exact(counted), counted, file)
        reservation = self._ledger.reserve(self._job.digest, noise.noise_multiplier)
        try:
            statistics = self._noisy(counted, noise)
            self._ask_gate(statistics, counted)
            content = write_statistics(statistics, self._premises.signing_key)
        except BaseException:
            self._ledger.cancel(reservation)  # nobody has seen the noise
            raise
        self._ledger.commit(reservation)
        return self._book_and_write(statistics, content, file)

    def _finish(self, statistics: SiteStatistics, counted: Count, file: Path) -> StatisticsReport:
        self._ask_gate(statistics, counted)
        content = write_statistics(statistics, self._premises.signing_key)
        return self._book_and_write(statistics, content, file)

    def _noise(self) -> Noise | None:
        asked = self._schema.noise
        if asked is None:
            return None
        multiplier = noise_multiplier_for(asked.epsilon, asked.delta)
        return Noise(asked.epsilon, asked.delta, multiplier)

    def _exact(self, counted: Count) -> SiteStatistics:
        cell = self._limits.minimum_cell
        merged = {
            name: merge(form, counted.contributions[name], cell)
            for name, form in self._schema.forms.items()
        }
        return SiteStatistics(
            site=self._premises.config.site.name,
            job_digest=self._job.digest,
            schema_digest=self._schema.digest,
            patients=counted.patients,
            minimum_cell=cell,
            tables={name: table for name, table in merged.items() if table is not None},
            moments=counted.moments(cell) if self._schema.moments else None,
            withheld=tuple(sorted(name for name, table in merged.items() if table is None)),
        )

    def _noisy(self, counted: Count, noise: Noise) -> SiteStatistics:
        from fedpacs.quality.statistics.noise import noisy_tables

        return SiteStatistics(
            site=self._premises.config.site.name,
            job_digest=self._job.digest,
            schema_digest=self._schema.digest,
            patients=None,
            minimum_cell=self._limits.minimum_cell,
            tables=noisy_tables(self._schema.forms, counted.contributions, noise.noise_multiplier),
            noise=noise,
        )

    def _ask_gate(self, statistics: SiteStatistics, counted: Count) -> None:
        _require_approval(self._premises, self._terms)  # counting takes long: asked anew
        facts = gate.StatisticsFacts(
            statistics=statistics,
            approved_job_digest=self._terms.job_digest,
            approved_schema_digest=self._terms.schema_digest,
            patients=counted.patients,
            minimum_cell=self._limits.minimum_cell,
            minimum_patients=self._limits.minimum_patients,
            permission=self._premises.config.limits.statistics,
            forms=self._schema.forms,
            support={
                name: smallest_support(self._schema.forms[name], counted.contributions[name], t)
                for name, t in statistics.tables.items()
            },
            groups=counted.groups(statistics.moments),
            wanted_noise=self._noise(),
            earlier=earlier_releases(self._premises, self._cohort),
        )
        subject = digest_of({"terms": self._terms.digest, "cohort": self._cohort.digest})
        pass_gate(self._premises, gate.decide(facts), subject)

    def _book_and_write(
        self, statistics: SiteStatistics, content: bytes, file: Path
    ) -> StatisticsReport:
        costs = {} if statistics.noise is None else {"epsilon": statistics.noise.epsilon}
        # Under this name nobody hands it over; if the machine stops once the book has it, the
        # next call finds it.
        draft = draft_of(file)
        write_private(draft, content)
        try:
            self._premises.record(
                EventKind.STATISTICS_RELEASED,
                job=self._job.digest,
                terms=self._terms.digest,
                cohort=self._cohort.digest,
                minimum_cell=statistics.minimum_cell,
                payload=sha256_hex(content),
                bytes=len(content),
                tables=len(statistics.tables),
                num_suppressed=len(statistics.withheld),
                **costs,
            )
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        draft.replace(file)
        return report_of(self._premises, file, content, again=False)


def _require_approval(premises: Premises, terms: Terms) -> None:
    state = state_of(premises, terms.digest)
    if state is not ApprovalState.APPROVED:
        raise StatisticsNotApprovedError(
            f"That these statistics leave is not approved at this site (approval {state})."
        )
