"""Associations with the PACS: opened with our limits, and every refusal put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID
from pynetdicom import AE, evt

from fedpacs.pacs import pynetdicom_guard, tls
from fedpacs.pacs.errors import (
    AssociationAbortedError,
    AssociationRejectedError,
    BusyPacsError,
    ServiceNotOfferedError,
    UnknownCalledAETitleError,
    UnknownCallingAETitleError,
    UnreachablePacsError,
)
from fedpacs.pacs.ladder import connect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import PresentationContext

    from fedpacs.config.pacs import DimsePacs
    from fedpacs.core.errors import PacsError

MAXIMUM_PDU_BYTES = 131_072
_PERMANENT = 1
_TRANSIENT = 2
_SERVICE_USER = 1
_CALLING_NOT_RECOGNISED = 3
_CALLED_NOT_RECOGNISED = 7


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an association is opened for.

    Attributes
    ----------
    contexts
        Presentation contexts to offer.
    roles
        Role selections; C-GET needs the SCP role for each storage class.
    handlers
        pynetdicom event handlers.
    """

    contexts: Sequence[PresentationContext]
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = ()
    handlers: Sequence[tuple[Any, ...]] = ()


def application_entity(ae_title: str, timeout_s: float) -> AE:
    """Build an application entity with our limits; pynetdicom is guarded from here on."""
    pynetdicom_guard.install()
    entity = AE(ae_title=ae_title)
    entity.connection_timeout = timeout_s
    entity.acse_timeout = timeout_s
    entity.dimse_timeout = timeout_s
    entity.network_timeout = timeout_s
    entity.maximum_pdu_size = MAXIMUM_PDU_BYTES
    return entity


def reject_caller(association: Association) -> None:
    """Reject a calling AE title from within ``EVT_REQUESTED``, and let the rejection be sent.

    Rejected permanent, service user, calling AE title not recognised (PS3.8 Table 9-21).
    """
    association.acse.send_reject(_PERMANENT, _SERVICE_USER, _CALLING_NOT_RECOGNISED)
    association.kill()  # returns when the peer has the rejection and the connection is closed


def open_association(pacs: DimsePacs, proposal: Proposal) -> Association:
    """Open an association.

    Raises
    ------
    PacsError
        One subclass for each reason, with the next step.
    """
    entity = application_entity(pacs.calling_ae_title, pacs.timeout_s)
    connected: list[bool] = []
    handlers = [
        *pynetdicom_guard.WIRE_HANDLERS,
        (evt.EVT_CONN_OPEN, lambda _: connected.append(True)),
        *proposal.handlers,
    ]
    try:
        association = entity.associate(
            pacs.host,
            pacs.port,
            contexts=list(proposal.contexts),
            ae_title=pacs.called_ae_title,
            ext_neg=list(proposal.roles),
            evt_handlers=handlers,
            tls_args=tls_args(pacs),
        )
    except OSError as error:  # the name does not resolve
        raise _unreachable(pacs) from error
    if association.is_established:
        return association
    if association.is_rejected:
        raise _rejection(pacs, association.acceptor.primitive)
    if pacs.tls is not None:
        connect(pacs.host, pacs.port, pacs.timeout_s)
        tls.check_handshake(pacs.host, pacs.port, pacs.tls, pacs.timeout_s)
    if not connected:
        raise _unreachable(pacs)
    if association.rejected_contexts and not association.accepted_contexts:
        raise ServiceNotOfferedError("The PACS accepted none of the offered presentation contexts.")
    if pacs.tls is None and tls.speaks_tls(pacs.host, pacs.port, pacs.timeout_s):
        raise tls.tls_expected(pacs.host, pacs.port)
    raise AssociationAbortedError(
        f"{pacs.host}:{pacs.port} took the connection and closed it without an answer.",
        hint=(
            f"Many servers do this to an AE title they do not know: ask the PACS administrator to "
            f"add AE {pacs.calling_ae_title} of this machine."
        ),
    )


def tls_args(pacs: DimsePacs) -> tuple[ssl.SSLContext, str] | None:
    """Give what pynetdicom needs to speak TLS; None without."""
    if pacs.tls is None:
        return None
    return tls.client_context(pacs.tls), pacs.tls.server_name or pacs.host


def offering(association: Association, abstract_syntax: str) -> Association:
    """Pass an association on if the PACS accepted a service on it.

    Raises
    ------
    ServiceNotOfferedError
        If it did not.
    """
    if all(cx.abstract_syntax != abstract_syntax for cx in association.accepted_contexts):
        name = UID(abstract_syntax).name
        raise ServiceNotOfferedError(f"The PACS does not offer us {name}.")
    return association


def _unreachable(pacs: DimsePacs) -> UnreachablePacsError:
    return UnreachablePacsError(f"No connection to {pacs.host}:{pacs.port}.")


def _rejection(pacs: DimsePacs, primitive: Any) -> PacsError:  # noqa: ANN401 - pynetdicom's
    """Put an A-ASSOCIATE-RJ into words (PS3.8 Table 9-21)."""
    if primitive.result == _TRANSIENT:
        return BusyPacsError("The PACS rejected the association for now.")
    if primitive.result_source == _SERVICE_USER:
        if primitive.diagnostic == _CALLING_NOT_RECOGNISED:
            return UnknownCallingAETitleError(
                f"The PACS does not know AE {pacs.calling_ae_title} from this machine.",
                hint=(
                    f"Ask the PACS administrator to add AE {pacs.calling_ae_title} with the "
                    f"address of this machine."
                ),
            )
        if primitive.diagnostic == _CALLED_NOT_RECOGNISED:
            return UnknownCalledAETitleError(
                f"{pacs.host}:{pacs.port} does not answer to AE {pacs.called_ae_title}."
            )
    return AssociationRejectedError(
        f"The PACS rejected the association (source {primitive.result_source}, "
        f"reason {primitive.diagnostic})."
    )
