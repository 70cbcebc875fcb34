"""A person as a SCIM User (RFC 7643, sections 4.1 and 4.3). Attributes that leaverwatch has no use for are left out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_KEYS = 200


def _printable(text: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError("has characters that cannot be printed")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=320), AfterValidator(_printable)]
Needed = Annotated[Text, StringConstraints(min_length=1)]


class Part(BaseModel):
    """Attributes by their names in any case (RFC 7643, section 2.1); what is not known here is left out."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if len(given) > MOST_KEYS:
            raise ValueError("too many attributes")
        fields = cls.model_fields.items()
        known = {text.lower(): field.alias or name for name, field in fields for text in (name, field.alias or name)}
        named = ((known.get(str(key).lower()), value) for key, value in given.items())
        return {name: value for name, value in named if name and value is not None}


class Name(Part):
    formatted: Text = ""
    familyName: Text = ""
    givenName: Text = ""


class Email(Part):
    value: Text = ""
    type: Text = ""
    primary: bool = False


class Address(Part):
    country: Text = ""
    type: Text = ""
    primary: bool = False


class Manager(Part):
    """`value` is the id of another User; read, or an external id or mail address where one is written."""

    value: Text = ""


class Enterprise(Part):
    employeeNumber: Text = ""
    department: Text = ""
    manager: Manager | None = None

    @model_validator(mode="before")
    @classmethod
    def _manager_alone(cls, given: Any) -> Any:
        """Some systems send a manager's id without the object around it."""
        if not isinstance(given, dict):
            return given
        return {
            key: {"value": value} if str(key).lower() == "manager" and isinstance(value, str) else value
            for key, value in given.items()
        }


class User(Part):
    """What is kept of a User."""

    userName: Needed
    externalId: Text = ""
    active: bool = True
    displayName: Text = ""
    title: Text = ""
    name: Name = Name()
    emails: Annotated[list[Email], Field(max_length=20)] = []
    addresses: Annotated[list[Address], Field(max_length=20)] = []
    enterprise: Annotated[Enterprise, Field(alias=ENTERPRISE)] = Enterprise()


class Meta(BaseModel):
    resourceType: str = "User"
    created: datetime | None = None
    lastModified: datetime | None = None
    location: str


class UserView(User):
    """A User as it is answered."""

    schemas: list[str] = [USER, ENTERPRISE]
    id: str
    meta: Meta


class UserList(BaseModel):
    """Some of all that were asked for; `startIndex` counts from 1."""

    schemas: list[str] = [LIST]
    totalResults: int
    startIndex: int
    itemsPerPage: int
    Resources: list[UserView]


class Operation(Part):
    """One change of a PATCH."""

    op: Needed
    path: Annotated[str, StringConstraints(max_length=500)] | None = None
    value: Any = None


class Patch(Part):
    """Changes in order; all are made, or none (RFC 7644, section 3.5.2)."""

    Operations: Annotated[list[Operation], Field(min_length=1, max_length=100)]
