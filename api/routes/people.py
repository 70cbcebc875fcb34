"""The list of employees."""

from __future__ import annotations

from http import HTTPStatus

from api.caller import needs
from api.leavers import AtDesk
from api.problems import Problem, answers
from api.routing import Router
from api.uploads import CSV_BODY, Check, ImportView, csv_body, import_view
from core.access import Caller, Permission

router = Router(prefix="/api/v1/people", tags=["people"], responses=answers(401, 403, 503))


@router.post("/import", operation_id="import_people", openapi_extra=CSV_BODY, responses=answers(409, 413, 415, 422))
def import_people(
    desk: AtDesk,
    check: Check = False,
    caller: Caller = needs(Permission.FILE_PEOPLE),
    data: bytes = csv_body(),
) -> ImportView:
    """A CSV file of employees and their accounts, as `leaverwatch people import` takes it. Bad rows are left out and
    named. Only for those who may see the whole company."""
    unscoped(caller)
    return import_view(desk.import_people(data, by=caller.name, check=check), check=check)


def unscoped(caller: Caller) -> None:
    """Whoever changes the directory changes everybody's part of it."""
    if caller.scope.departments or caller.scope.countries:
        raise Problem(HTTPStatus.FORBIDDEN, "scoped", "the directory is kept by those who may see the whole company")
