"""What can go wrong between the two halves."""

from __future__ import annotations

from fedpacs.core.errors import FederationError


class UnexpectedRecordError(FederationError):
    """A message does not hold exactly what the wire schema of the job says."""

    code = "federation.unexpected-record"
    default_hint = "Both halves must run the same FedPACS version and the same job file."


class WrongJobError(FederationError):
    """A message belongs to another job than the one agreed."""

    code = "federation.wrong-job"
    default_hint = "Compare `fedpacs job preview` at both halves: the job digests must be equal."


class NotFiniteError(FederationError):
    """A model or update holds NaN or infinity."""

    code = "federation.not-finite"
    default_hint = "Lower the learning rate of the job, or look at the last good checkpoint."


class BundleUnreadableError(FederationError):
    """A bundle is not one that `fedpacs` writes."""

    code = "federation.bundle-unreadable"
    default_hint = "Let the consortium start the run with `fedpacs consortium run`."


class ModelFileError(FederationError):
    """A model file is missing, damaged or belongs to another job."""

    code = "federation.model-unreadable"
    default_hint = "Take the file from the models folder of the consortium again."


class ProcessFailedError(FederationError):
    """A process that is needed did not start, or ended by itself."""

    code = "federation.process-failed"
    default_hint = "Read the log file that the message names."


class PortTakenError(FederationError):
    """Another program listens on a port that is needed."""

    code = "federation.port-in-use"
    default_hint = (
        "Stop the other program (`ss -ltnp` shows it) or choose another port in the TOML file."
    )


class UnreachableError(FederationError):
    """Nothing answers at an address."""

    code = "federation.unreachable"
    default_hint = (
        "Check that the consortium is started (`fedpacs consortium start`), the address and port "
        "in the TOML file, and that the firewall lets this machine out to it."
    )


class UntrustedServerError(FederationError):
    """The server's certificate is not from the consortium's authority or names another host."""

    code = "federation.untrusted-server"
    default_hint = (
        "Use the ca.crt of this consortium's kit as `link.root_certificates`, and an address "
        "that the server's certificate names. Do not go on before this is understood."
    )


class NoStatisticsAskedError(FederationError):
    """A job asks for no statistics."""

    code = "federation.no-statistics-asked"
    default_hint = "Put a [statistics] table into the job; `fedpacs job preview` shows what leaves."


class StatisticsUnreadableError(FederationError):
    """A file is not the signed statistics of a site."""

    code = "federation.statistics-unreadable"
    default_hint = "Ask the site for the file that `fedpacs site statistics` wrote, unchanged."
