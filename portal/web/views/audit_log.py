"""The audit log: who did what, when and from where, and which mail was refused."""

from typing import Final

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.audit_events import WORKER
from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission
from portal.services.audit_exports import TooManyExportsError, record_export
from portal.storage import audit_log
from portal.storage.users import Membership
from portal.web.access import needs_permission
from portal.web.audit_csv import MOST, audit_csv
from portal.web.audit_entries import People, Who, entries
from portal.web.audit_filter import AskedFilter, read_filter
from portal.web.audit_labels import ACTIONS, GROUPS
from portal.web.database import db, waypost
from portal.web.local_time import zone, zone_name
from portal.web.login import person
from portal.web.numbers import a_number

blueprint = Blueprint("audit_log", __name__, url_prefix="/t/<slug>/audit-log")

_ON_A_PAGE: Final = 50


@blueprint.get("")
@needs_permission(Permission.SEE_AUDIT_LOG)
def show(here: Membership) -> ResponseReturnValue:
    """Newest first; ``before`` turns the page, the rest of the parameters filter (``audit_filter``)."""
    tenant_id = TenantId(here.tenant.id)
    people = _people(tenant_id)
    asked = read_filter(request.args, actors=people, zone=zone())
    before = request.args.get("before", type=a_number)
    found = audit_log.page(db.session(), tenant_id, asked.wanted, before=before, most=_ON_A_PAGE + 1)
    rows = found[:_ON_A_PAGE]
    return render_template(
        "audit_log/page.html",
        here=here,
        entries=entries(db.session(), rows),
        asked=asked,
        people=people,
        groups=GROUPS,
        actions=ACTIONS,
        days_in=zone_name(waypost().clock()),
        before=before,
        older=rows[-1].id if len(found) > _ON_A_PAGE else None,
        most_in_a_file=MOST,
    )


@blueprint.post("/export")
@needs_permission(Permission.EXPORT_AUDIT_LOG)
def export(here: Membership) -> ResponseReturnValue:
    """The events that the page shows, as a file. A form's answer, because a link could be planted anywhere."""
    tenant_id = TenantId(here.tenant.id)
    people = _people(tenant_id)
    asked = read_filter(request.args, actors=people, zone=zone())
    try:
        record_export(
            waypost().database, waypost().clock, tenant_id, actor=person().actor, asked=_as_people_read(asked, people)
        )
    except TooManyExportsError as refused:
        flash(str(refused))
        return redirect(url_for(".show", slug=here.tenant.slug, **asked.in_force), 303)
    file = Response(audit_csv(waypost().database, tenant_id, asked.wanted), mimetype="text/csv")
    name = f"audit-log-{here.tenant.slug}-{waypost().clock():%Y-%m-%d}.csv"
    file.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return file


def _people(tenant_id: TenantId) -> dict[str, Who]:
    """Everybody who stands in the tenant's log, by name; the worker always does."""
    actors = audit_log.actors(db.session(), tenant_id)
    names = People.among(db.session(), actors)
    by_name = sorted(actors, key=lambda actor: str(names[actor]).casefold())
    return {actor: names[actor] for actor in (*by_name, WORKER.name)}


def _as_people_read(asked: AskedFilter, people: dict[str, Who]) -> dict[str, str]:
    """The filters for the record of an export."""
    in_force = asked.in_force
    return in_force | ({"person": str(people[in_force["person"]])} if "person" in in_force else {})
