"""Sources: what has arrived, so that silence is explained."""

from __future__ import annotations

from api.caller import needs
from api.problems import answers
from api.routing import Router
from api.shapes import SourceView
from api.shop import InShop
from api.views import source_views
from core.access import Caller, Permission

router = Router(prefix="/api/v1/sources", tags=["sources"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_sources")
def list_sources(shop: InShop, _: Caller = needs(Permission.READ_SOURCES)) -> list[SourceView]:
    """What has arrived, source by source."""
    return source_views(shop.events, shop.directory())
