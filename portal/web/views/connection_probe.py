"""Test connection: begin a test, look how far it is, apply its fix, look at those before."""

from typing import Final

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission
from portal.domain.routing.email_settings import SettingsRefusedError
from portal.services.connection_probe import Subject
from portal.services.probe_limits import TooManyProbesError
from portal.storage import probes
from portal.storage.probes import ProbeRow
from portal.storage.users import Membership
from portal.web.access import needs_permission
from portal.web.audit_entries import People
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
from portal.web.probe_report import report_of

blueprint = Blueprint("connection_probe", __name__, url_prefix="/t/<slug>/email-smtp/tests")

_ON_A_PAGE: Final = 25
_FILLED_IN: Final = (
    "The fix is filled in, and nothing is saved yet. Enter the password again if there is one, then press Save and "
    "activate."
)


@blueprint.post("")
@needs_permission(Permission.TEST_CONNECTION)
def start(here: Membership) -> ResponseReturnValue:
    """Test what is typed and save nothing but the record of the test. The script, too, follows to its panel."""
    return _test(here, EmailSettingsForm())


@blueprint.get("")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def history(here: Membership) -> ResponseReturnValue:
    """The tenant's tests, newest first; ``before`` turns the page."""
    before = request.args.get("before", "").replace("\0", "") or None  # PostgreSQL takes no NUL
    found = probes.older(db.session(), TenantId(here.tenant.id), before=before, most=_ON_A_PAGE + 1)
    rows = found[:_ON_A_PAGE]
    return render_template(
        "connection_probe/tests.html",
        here=here,
        panels=[probe_panel(row, here) for row in rows],
        people=People.among(db.session(), {row.started_by for row in rows}),
        before=before,
        older=rows[-1].id if len(found) > _ON_A_PAGE else None,
    )


@blueprint.get("/<probe_id>")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def show(here: Membership, probe_id: str) -> ResponseReturnValue:
    """The page with this test; for our own script, its panel alone."""
    row = _probe(here, probe_id)
    return _panel(here, row) if is_htmx() else email_settings_page(here, form=typed_for(row), probe=row)


@blueprint.get("/<probe_id>/receipt")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def receipt(here: Membership, probe_id: str) -> ResponseReturnValue:
    """Whether the test message has arrived: for our own script, which asks now and then."""
    row = _probe(here, probe_id)
    if not is_htmx():
        return redirect(url_for(".show", slug=here.tenant.slug, probe_id=row.id, _anchor="test"))
    return render_template("connection_probe/receipt.html", here=here, panel=probe_panel(row, here))


@blueprint.get("/<probe_id>/report.txt")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def report(here: Membership, probe_id: str) -> ResponseReturnValue:
    """The test as plain text, for the support of whoever runs the server."""
    return Response(report_of(probe_panel(_probe(here, probe_id), here)), mimetype="text/plain")


@blueprint.post("/<probe_id>/fix")
@needs_permission(Permission.TEST_CONNECTION)
def fix(here: Membership, probe_id: str) -> ResponseReturnValue:
    """Lay the fix of a test over what is typed, and test again; without a script, which fills the form in itself.

    After *Save and activate* the form is shown with the fix in it: to save and activate is a button of its own.
    """
    row = _probe(here, probe_id)
    values = probe_panel(row, here).fix
    form = EmailSettingsForm(MultiDict(request.form.to_dict() | {name: str(value) for name, value in values.items()}))
    if not row.activates:
        return _test(here, form)
    flash(_FILLED_IN)
    return email_settings_page(here, form=form)


def _test(here: Membership, form: EmailSettingsForm) -> ResponseReturnValue:
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


def _panel(here: Membership, row: ProbeRow) -> ResponseReturnValue:
    panel = probe_panel(row, here)
    tests = [] if panel.is_running else probes.newest(db.session(), TenantId(here.tenant.id))
    response = make_response(
        render_template(
            "connection_probe/answer.html",
            here=here,
            panel=panel,
            state=route_state(db.session(), here.tenant),
            tests=[probe_panel(test, here) for test in tests],
        )
    )
    if row.activates and not panel.is_running:
        response.headers.update(RELOAD)  # the rest of the page tells of another state now
    return response


def _probe(here: Membership, probe_id: str) -> ProbeRow:
    return probes.probe_of(db.session(), TenantId(here.tenant.id), probe_id) or abort(404)
