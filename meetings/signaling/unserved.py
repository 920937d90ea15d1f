"""The services of LiveKit's server API that this relay does not have: what it says instead, and to which calls."""

from __future__ import annotations

from livekit.protocol import agent_dispatch, connector, egress, ingress, sip

from meetings.signaling.twirp import TwirpError

_REASONS = {
    "Egress": "this relay neither records nor streams rooms; a participant whose token says recorder does",
    "Ingress": "this relay takes no streams from elsewhere; a participant publishes them",
    "SIP": "this relay makes and takes no telephone calls",
    "AgentDispatchService": "this relay sends for no agents; they join with tokens of their own",
    "Connector": "this relay is not connected to other services for calls",
}
_METHODS = {
    name: frozenset(method.name for method in service.methods)
    for module in (egress, ingress, sip, agent_dispatch, connector)
    for name, service in module.DESCRIPTOR.services_by_name.items()
}


def unserved(service: str, method: str) -> TwirpError:
    """The answer to a call of another service than RoomService."""
    if service in _REASONS and method in _METHODS[service]:
        return TwirpError("unimplemented", _REASONS[service])
    return TwirpError("bad_route", f"no method {method[:80]!r} of {service[:80]!r}")
