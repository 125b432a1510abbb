"""What can go wrong in the consortium's half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping


class TooFewSitesError(ServerError):
    """Fewer sites than the job's minimum are online."""

    code = "server.too-few-sites"
    default_hint = "Ask the missing sites to start `fedpacs site train`, then run the job again."


class QuorumError(ServerError):
    """Fewer sites than the job's minimum gave a valid reply in a round.

    Attributes
    ----------
    absent
        Code of why each missing site is missing, by node name.
    """

    code = "server.quorum-lost"
    default_hint = (
        "Ask the sites named what their agent says under the code given; the last good round is "
        "kept in the run's folder."
    )

    def __init__(self, message: str, absent: Mapping[str, str]) -> None:
        super().__init__(message)
        self.absent = dict(absent)


class RunDiedError(ServerError):
    """Flower ended the run without a word from our ServerApp."""

    code = "server.run-died"
    default_hint = "Read superlink.log in the consortium's home."


class SuperLinkRefusedError(ServerError):
    """The SuperLink answered a request with an error."""

    code = "server.superlink-refused"
    default_hint = "Read superlink.log in the consortium's home."


class NoMemberKeyError(ServerError):
    """A member's public node key is missing or not one."""

    code = "server.member-key-missing"
    default_hint = (
        "Put the .pub file that the hospital made into the members folder of the consortium's "
        "home, named after the member."
    )


class UnknownJobError(ServerError):
    """The ServerApp was started for a job that the consortium's home does not hold."""

    code = "server.unknown-job"
    default_hint = "Start runs with `fedpacs consortium run`, not with `flwr run`."


class RunUnreadableError(ServerError):
    """The record of a run is missing or damaged."""

    code = "server.run-unreadable"
    default_hint = "Look into the runs folder of the consortium's home."


class UnknownMemberError(ServerError):
    """A site is not a member of the consortium."""

    code = "server.unknown-member"
    default_hint = "Add the site to `members` in consortium.toml first."


class ServerStoppedError(ServerError):
    """The SuperLink ended by itself."""

    code = "server.superlink-stopped"
    default_hint = "Read superlink.log in the consortium's home, then start it again."


class NotStartedError(ServerError):
    """The consortium was never started on this machine."""

    code = "server.not-started"
    default_hint = "Run `fedpacs consortium start` first, and leave it running."


class NothingToHarmoniseError(ServerError):
    """The sites released nothing from which a harmonisation could be fitted."""

    code = "server.nothing-to-harmonise"
    default_hint = "Ask for `moments = true` in the [statistics] of the job, at every site."


class StatisticsRefusedError(ServerError):
    """A file of statistics is damaged, not signed by a member's agent, or of another job."""

    code = "server.statistics-refused"
    default_hint = (
        "Ask the site for the file again, and compare its agent's public key with `[agents]` in "
        "consortium.toml."
    )
