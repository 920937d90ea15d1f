"""What every request passes before a route sees it: see headers, bodies and forms."""

from meetings.guards.bodies import answer
from meetings.guards.forms import FORM_COOKIE, FormCookie, check_origin, cookie_header
from meetings.guards.headers import LastResort, SecurityHeaders, content_security_policy
from meetings.guards.limits import BodyLimit
from meetings.guards.uploads import Upload, UploadRight

__all__ = [
    "FORM_COOKIE",
    "BodyLimit",
    "FormCookie",
    "LastResort",
    "SecurityHeaders",
    "Upload",
    "UploadRight",
    "answer",
    "check_origin",
    "content_security_policy",
    "cookie_header",
]
