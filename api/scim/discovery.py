"""What a client may find out by asking (RFC 7643, sections 5 to 7)."""

from __future__ import annotations

from typing import Any

from api.scim.resource import ENTERPRISE, LIST, USER

Document = dict[str, Any]
MOST = 200
"""Resources of one answer."""
_NO = {"supported": False}
SERVICE: Document = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": _NO | {"maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": MOST},
    "changePassword": _NO,
    "sort": _NO,
    "etag": _NO,
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "An API key of leaverwatch that may file people, as a bearer token",
            "primary": True,
        }
    ],
    "meta": {"resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig"},
}
USERS: Document = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    "id": "User",
    "name": "User",
    "endpoint": "/Users",
    "description": "An employee",
    "schema": USER,
    "schemaExtensions": [{"schema": ENTERPRISE, "required": False}],
    "meta": {"resourceType": "ResourceType", "location": "/scim/v2/ResourceTypes/User"},
}


def _attribute(name: str, kind: str = "string", **more: Any) -> Document:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": name,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    } | more


def _complex(name: str, *parts: Document, many: bool = False) -> Document:
    return _attribute(name, "complex", multiValued=many, subAttributes=list(parts))


_KINDS = (_attribute("type"), _attribute("primary", "boolean"))
SCHEMAS: list[Document] = [
    {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": USER,
        "name": "User",
        "description": "An employee",
        "attributes": [
            _attribute("userName", required=True, uniqueness="server"),
            _attribute("externalId", caseExact=True),
            _attribute("active", "boolean"),
            _attribute("displayName"),
            _attribute("title"),
            _complex("name", *(_attribute(part) for part in ("formatted", "familyName", "givenName"))),
            _complex("emails", _attribute("value"), *_KINDS, many=True),
            _complex("addresses", _attribute("country"), *_KINDS, many=True),
        ],
        "meta": {"resourceType": "Schema", "location": f"/scim/v2/Schemas/{USER}"},
    },
    {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": ENTERPRISE,
        "name": "EnterpriseUser",
        "description": "Of an employee's post",
        "attributes": [
            _attribute("employeeNumber"),
            _attribute("department"),
            _complex("manager", _attribute("value")),
        ],
        "meta": {"resourceType": "Schema", "location": f"/scim/v2/Schemas/{ENTERPRISE}"},
    },
]


def listed(documents: list[Document]) -> Document:
    return {
        "schemas": [LIST],
        "totalResults": len(documents),
        "startIndex": 1,
        "itemsPerPage": len(documents),
        "Resources": documents,
    }
