"""Test connection: begin a test, and look how far it is."""

from flask import Blueprint, abort, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission
from portal.domain.routing.email_settings import SettingsRefusedError
from portal.services.connection_probe import SECONDS, Subject
from portal.services.probe_limits import TooManyProbesError
from portal.storage import probes
from portal.storage.probes import ProbeRow
from portal.storage.users import Membership
from portal.web.access import needs_permission
from portal.web.database import db, waypost
from portal.web.email_settings_page import (
    email_settings_page,
    is_of,
    probe_panel,
    remember_typed,
    route_state,
    typed_for,
)
from portal.web.forms.email_settings import EmailSettingsForm
from portal.web.htmx import RELOAD, is_htmx
from portal.web.login import person

blueprint = Blueprint("connection_probe", __name__, url_prefix="/t/<slug>/email-smtp/tests")


@blueprint.post("")
@needs_permission(Permission.TEST_CONNECTION)
def start(here: Membership) -> ResponseReturnValue:
    """Test what is typed and save nothing but the record of the test. The script, too, follows to its panel."""
    form = EmailSettingsForm()
    tenant_id = TenantId(here.tenant.id)
    try:
        subject = Subject(tenant_id, *waypost().email_settings.read_typed(tenant_id, form.given()))
        probe_id = waypost().connection_probe.start(subject, to=person().account.email, actor=person().actor)
    except SettingsRefusedError as refused:
        form.show_problems(refused.problems)
        return email_settings_page(here, form=form, status=422)
    except TooManyProbesError as refused:
        if refused.running and (is_htmx() or is_of(refused.running, form)):  # pressed twice: the first time counts
            return redirect(url_for(".show", slug=here.tenant.slug, probe_id=refused.running, _anchor="test"), 303)
        if is_htmx():
            return render_template("connection_probe/refusal.html", refusal=str(refused)), 429
        return email_settings_page(here, form=form, refusal=str(refused), status=429)
    remember_typed(probe_id, form)
    return redirect(url_for(".show", slug=here.tenant.slug, probe_id=probe_id, _anchor="test"), 303)


@blueprint.get("/<probe_id>")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def show(here: Membership, probe_id: str) -> ResponseReturnValue:
    """The page with this test; for our own script, its panel alone."""
    row = _probe(here, probe_id)
    return _panel(here, row) if is_htmx() else email_settings_page(here, form=typed_for(row), probe=row)


def _panel(here: Membership, row: ProbeRow) -> ResponseReturnValue:
    panel = probe_panel(row, here)
    state = route_state(db.session(), here.tenant)
    response = make_response(
        render_template("connection_probe/panel.html", here=here, panel=panel, state=state, seconds=int(SECONDS))
    )
    if row.activates and not panel.is_running:
        response.headers.update(RELOAD)  # the rest of the page tells of another state now
    return response


def _probe(here: Membership, probe_id: str) -> ProbeRow:
    return probes.probe_of(db.session(), TenantId(here.tenant.id), probe_id) or abort(404)
