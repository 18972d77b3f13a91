"""The overview: how a tenant's mail has fared in the last 24 hours."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission
from portal.storage.users import Membership
from portal.web.access import needs_permission
from portal.web.database import db, waypost
from portal.web.email_settings_page import route_state
from portal.web.local_time import zone
from portal.web.message_labels import OUTCOMES
from portal.web.overview_page import Overview, duration

blueprint = Blueprint("overview", __name__, url_prefix="/t/<slug>/overview")


@blueprint.get("")
@needs_permission(Permission.SEE_OVERVIEW)
def show(here: Membership) -> ResponseReturnValue:
    """Figures, chart, quota, and where mail goes now."""
    session = db.session()
    overview = Overview.read(
        session, TenantId(here.tenant.id), route_state(session, here.tenant), now=waypost().clock()
    )
    return render_template(
        "overview/page.html",
        here=here,
        overview=overview,
        chart=overview.chart,
        duration=duration,
        outcomes=OUTCOMES,
        zone=zone(),
    )
