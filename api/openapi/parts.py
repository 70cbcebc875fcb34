"""What all operations have in common, described once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.problems import MEDIA_TYPE

KEY, SESSION, CSRF = "key", "session", "csrf"
SECURITY = {
    KEY: {"type": "http", "scheme": "bearer", "description": "An API key"},
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-leaverwatch",
        "description": "A session, after a login",
    },
    CSRF: {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "With a session's cookie, for whatever changes something: the token that the login answered",
    },
}
IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an answer that the caller has: 304 where it is still the same",
    "schema": {"type": "string", "maxLength": 1000},
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A UUID of the caller's. Sent again within 24 hours with the same body, the request is answered the "
    "same and done once; with another body it is refused",
    "schema": {"type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[!-~]{16,128}$"},
}
HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"description": "What the answer is known by", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}},
}
SCIM, SCIM_MEDIA_TYPE = "/scim/", "application/scim+json"
SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
EVERYWHERE: dict[int, tuple[str, str]] = {
    414: ("address-too-long", "The address is too long"),
    421: ("other-host", "The service does not answer to this name"),
    422: ("invalid", "The request cannot be understood"),
    429: ("too-many-requests", "Too many requests of one caller or address"),
    431: ("headers-too-large", "The headers are too large"),
}
"""What any request may be answered."""
WITH_BODY: dict[int, tuple[str, str]] = {
    400: ("unreadable", "The body cannot be read"),
    408: ("too-slow", "The body did not come in time"),
    413: ("too-large", "The body is too large"),
}
CODES: dict[int, str] = {
    401: "unknown-caller",
    403: "forbidden",
    404: "not-found",
    409: "refused",
    412: "changed-since",
    428: "if-match-missing",
    503: "unavailable",
}
"""An example of the codes of other statuses."""
TAGGED = {"ETag": {"$ref": "#/components/headers/ETag"}}
UNCHANGED = {"description": "Still the same as the caller has it", "headers": TAGGED}


def problem(status: int, code: str = "", description: str = "") -> dict[str, Any]:
    """A problem as an answer."""
    phrase = HTTPStatus(status).phrase
    code = code or CODES.get(status, phrase.lower().replace(" ", "-"))
    example = {"type": "about:blank", "title": phrase, "status": status, "code": code, "detail": "...", "fields": []}
    schema = {"$ref": "#/components/schemas/ProblemView"}
    said: dict[str, Any] = {"description": description or phrase}
    if status in (429, 503):
        said["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return said | {"content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


def scim_problem(status: int) -> dict[str, Any]:
    """A problem of SCIM as an answer; what is refused before SCIM is asked is a problem like any other."""
    schema = {
        "type": "object",
        "required": ["schemas", "status"],
        "properties": {
            "schemas": {"type": "array", "items": {"const": SCIM_ERROR}},
            "status": {"type": "string"},
            "scimType": {"type": "string"},
            "detail": {"type": "string"},
        },
    }
    example = {"schemas": [SCIM_ERROR], "status": str(status), "detail": "..."}
    known = problem(status, *(EVERYWHERE | WITH_BODY).get(status, ()))
    return known | {"content": known["content"] | {SCIM_MEDIA_TYPE: {"schema": schema, "example": example}}}
