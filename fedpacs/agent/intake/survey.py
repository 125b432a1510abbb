"""The survey: which studies need not be listed, because nothing about them has changed.

An archive lists its studies with one question, and each study with one more for every series. Of a
site's studies nearly all are ready, so a nightly run asks for the lists of the others only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.agent.intake.docket import Due
from fedpacs.agent.intake.fetching import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.intake.docket import Docket
    from fedpacs.agent.intake.tally import Tally
    from fedpacs.core.study import SurveyedStudy
    from fedpacs.crypto.pseudonyms import Pseudonyms


class Survey:
    """Counts the studies that need not be listed.

    Parameters
    ----------
    docket
        Decides.
    pseudonyms
        Of the project.
    tally
        Told of each study that is passed over.
    withdrawn
        Pseudonyms of patients who do not take part: nothing more is asked about them.
    seen
        Called after each.
    """

    def __init__(
        self,
        docket: Docket,
        pseudonyms: Pseudonyms,
        tally: Tally,
        withdrawn: frozenset[str],
        seen: Callable[[], None],
    ) -> None:
        self._docket = docket
        self._pseudonyms = pseudonyms
        self._tally = tally
        self._withdrawn = withdrawn
        self._seen = seen

    def knows(self, study: SurveyedStudy) -> bool:
        """Tell whether a study need not be listed, and count it if so."""
        patient = identity_of(study, self._pseudonyms)
        if patient in self._withdrawn:
            self._tally.counts["withdrawn"] += 1
            return True
        decided = self._docket.survey(study, patient)
        if decided is None:
            return False
        due, subject = decided
        self._tally.counts["found"] += 1
        self._tally.subjects.add(subject)
        if due is Due.READY:
            self._tally.counts["already"] += 1
        else:
            self._tally.passed_over("unmatched", subject)
        self._seen()
        return True
