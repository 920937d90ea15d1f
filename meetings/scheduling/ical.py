"""The only door to icalendar: a meeting as REQUEST or CANCEL, after RFC 5545 and RFC 5546.

Each letter has a calendar of its own with one ATTENDEE, whom it goes to, and the office as ORGANIZER. RFC 5546 (3.2.2)
asks for at least one, and programs look for their owner among them; everybody else's address would be told to all,
guests of other agencies included, and a private address once sent cannot be called back. Who chairs stands in the
description by name; in the chair's own letter the ATTENDEE has ROLE=CHAIR.

RSVP is FALSE: answers come by the link in the letter. A reply by mail (METHOD=REPLY) would go to the office's postbox,
where nothing reads it, and somebody would believe to have answered.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard, vCalAddress, vText

PRODUCT = "-//Meetings//Vietnamese provincial offices//VI"


@dataclass(frozen=True)
class Attendee:
    name: str
    address: str
    partstat: str = "NEEDS-ACTION"  # ACCEPTED, DECLINED
    chairs: bool = False  # has agreed to the hour before it was booked


@dataclass(frozen=True)
class Invitation:
    """What a calendar is told of a meeting. `sequence` grows only when time or place change, or it is cancelled."""

    uid: str
    sequence: int
    title: str
    description: str
    location: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    organizer_name: str
    organizer_address: str
    attendee: Attendee
    stamp: datetime
    created: datetime
    url: str = ""  # where an account joins


def request(invitation: Invitation) -> bytes:
    """A new meeting, or what it has become."""
    event = _event(invitation, "CONFIRMED")
    event.add_component(_alarm(invitation))
    return _calendar("REQUEST", invitation, event)


def cancel(invitation: Invitation) -> bytes:
    """The meeting, or the attendee's part in it, is off."""
    return _calendar("CANCEL", invitation, _event(invitation, "CANCELLED"))


def _calendar(method: str, invitation: Invitation, event: Event) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)  # of the calendar, not of the event
    calendar.add_component(_zone(invitation.time_zone, invitation.starts_at))
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _event(invitation: Invitation, status: str) -> Event:
    zone = ZoneInfo(invitation.time_zone)
    event = Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", invitation.stamp.astimezone(UTC))
    event.add("created", invitation.created.astimezone(UTC))
    event.add("dtstart", invitation.starts_at.astimezone(zone))
    event.add("dtend", invitation.ends_at.astimezone(zone))
    event.add("summary", invitation.title)
    event.add("description", invitation.description)
    event.add("location", invitation.location)
    event.add("status", status)
    event.add("transp", "OPAQUE")
    organizer = vCalAddress(f"mailto:{invitation.organizer_address}")
    organizer.params["CN"] = vText(_unquoted(invitation.organizer_name))
    event.add("organizer", organizer, encode=False)
    event.add("attendee", _attendee(invitation.attendee), encode=False)
    if invitation.url:
        event.add("url", invitation.url)
    return event


def _attendee(attendee: Attendee) -> vCalAddress:
    address = vCalAddress(f"mailto:{attendee.address}")
    address.params["CN"] = vText(_unquoted(attendee.name))
    address.params["CUTYPE"] = vText("INDIVIDUAL")
    address.params["ROLE"] = vText("CHAIR" if attendee.chairs else "REQ-PARTICIPANT")
    address.params["PARTSTAT"] = vText("ACCEPTED" if attendee.chairs else attendee.partstat)
    address.params["RSVP"] = vText("FALSE")
    return address


def _unquoted(name: str) -> str:
    """A parameter's value may not hold a double quote in any form (RFC 5545, 3.2)."""
    return name.replace('"', "”")


def _alarm(invitation: Invitation) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", invitation.title)
    alarm.add("trigger", timedelta(minutes=-30))
    return alarm


def _zone(name: str, at: datetime) -> Timezone:
    """One STANDARD part with the offset of that day. Vietnam has kept +07:00 since 1975, without summer time."""
    offset = at.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1975, 6, 13))  # noqa: DTZ001 - local by definition
    standard.add("tzoffsetfrom", offset)
    standard.add("tzoffsetto", offset)
    hours = int(offset.total_seconds() // 3600)
    standard.add("tzname", f"{hours:+03}")
    zone = Timezone()
    zone.add("tzid", name)
    zone.add_component(standard)
    return zone


def unfolded(calendar: str) -> str:
    """The lines as they were before they were cut to 75 octets (RFC 5545, 3.1)."""
    return calendar.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
