"""Offers and answers: the only reader and writer of SDP. A publisher's offers are answered, a subscriber is offered,
or a client offers for both directions of one transport.

ICE-lite (RFC 8445 section 2.5) and DTLS-passive on both transports: the client nominates, connects and starts DTLS.
"""

from meetings.signaling.negotiation.answer import AnswerOptions, MediaOffer, Offered, PublisherNegotiation
from meetings.signaling.negotiation.grammar import SdpError, TooManySections
from meetings.signaling.negotiation.offer import Accepted, Outgoing, SubscriberNegotiation
from meetings.signaling.negotiation.single import Sections, SingleNegotiation, check_offer
from meetings.signaling.negotiation.transport import LocalTransport, RemoteTransport

__all__ = [
    "Accepted",
    "AnswerOptions",
    "LocalTransport",
    "MediaOffer",
    "Offered",
    "Outgoing",
    "PublisherNegotiation",
    "RemoteTransport",
    "SdpError",
    "Sections",
    "SingleNegotiation",
    "SubscriberNegotiation",
    "TooManySections",
    "check_offer",
]
