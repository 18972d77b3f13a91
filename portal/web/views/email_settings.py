"""A tenant's own mail server: see, save, activate, switch on and off."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission, may
from portal.domain.routing.email_settings import SettingsRefusedError
from portal.domain.routing.provider_presets import preset_named
from portal.services.connection_probe import Subject
from portal.services.email_settings import CannotActivateError, ChangedMeanwhileError
from portal.services.probe_limits import TooManyProbesError
from portal.storage.users import Membership
from portal.web import confirmation
from portal.web.access import needs_permission
from portal.web.confirmation import confirmed
from portal.web.database import waypost
from portal.web.email_settings_advice import advice_beside
from portal.web.email_settings_page import email_settings_page, kept_settings
from portal.web.forms.email_settings import EmailSettingsForm
from portal.web.login import person
from portal.web.numbers import a_number

blueprint = Blueprint("email_settings", __name__, url_prefix="/t/<slug>/email-smtp")

_NOT_CONFIRMED: Final = (
    "The change is saved, but a worker has not confirmed it: until it does, some mail may still leave the old way."
)


@blueprint.get("")
@needs_permission(Permission.SEE_EMAIL_SETTINGS)
def show(here: Membership) -> ResponseReturnValue:
    """The page; with ``?preset=``, and for somebody who may edit, filled in for that provider."""
    wanted = request.args.get("preset", "") if may(here.role, Permission.EDIT_EMAIL_SETTINGS) else ""
    return email_settings_page(here, preset=preset_named(wanted))


@blueprint.post("/advice")
@needs_permission(Permission.EDIT_EMAIL_SETTINGS)
def advise(here: Membership) -> ResponseReturnValue:
    """What there is to say of the fields as they are being typed, for our own script. Nothing is saved."""
    return render_template("email_settings/advice.html", **advice_beside(EmailSettingsForm(), kept_settings(here)))


def _ask_in_the_form(here: Membership) -> ResponseReturnValue:
    """What was typed stays but for the mail server's password, which must not stand in a page."""
    form = EmailSettingsForm()
    again = (
        " Type the mail server's password again, too: it is never written into a page." if form.password.data else ""
    )
    return email_settings_page(
        here, form=form, refusal=f"Nothing was saved yet. {confirmation.problem()}{again}", status=403
    )


@blueprint.post("/draft")
@needs_permission(Permission.EDIT_EMAIL_SETTINGS)
@confirmed(to="save mail server settings", on_stale=_ask_in_the_form)
def save_draft(here: Membership) -> ResponseReturnValue:
    """Save what is typed as a draft; what is active goes on sending."""
    form = EmailSettingsForm()
    try:
        version = _saved_draft(here, form)
    except SettingsRefusedError as refused:
        form.show_problems(refused.problems)
        return email_settings_page(here, form=form, status=422)
    except ChangedMeanwhileError as changed:
        return _changed_meanwhile(here, form, changed)
    flash(f"Version {version} is saved as a draft. It sends nothing until you activate it.")
    return _back_to(here)


@blueprint.post("/save-and-activate")
@needs_permission(Permission.EDIT_EMAIL_SETTINGS)
@confirmed(to="save and activate mail server settings", on_stale=_ask_in_the_form)
def save_and_activate(here: Membership) -> ResponseReturnValue:
    return activate_typed(here, EmailSettingsForm())


def activate_typed(here: Membership, form: EmailSettingsForm) -> ResponseReturnValue:
    """Save what is typed as a draft and test it; the test activates it when it succeeds."""
    tenant_id = TenantId(here.tenant.id)
    try:
        waypost().connection_probe.refuse_too_many(tenant_id, actor=person().actor)
        version = _saved_draft(here, form)
    except TooManyProbesError as refused:
        return email_settings_page(here, form=form, refusal=f"Nothing was saved. {refused}", status=429)
    except SettingsRefusedError as refused:
        form.show_problems(refused.problems)
        return email_settings_page(here, form=form, status=422)
    except ChangedMeanwhileError as changed:
        return _changed_meanwhile(here, form, changed)
    saved = waypost().email_settings.saved(tenant_id, version)
    subject = Subject(tenant_id, saved.settings, saved.credentials, version, activates=True)
    try:
        probe_id = waypost().connection_probe.start(subject, to=person().account.email, actor=person().actor)
    except TooManyProbesError as refused:
        flash(f"Version {version} is kept as a draft and was not tested. {refused}")
        return _back_to(here)
    return _to_test(here, probe_id)


@blueprint.post("/activate")
@needs_permission(Permission.EDIT_EMAIL_SETTINGS)
@confirmed(to="activate these settings")
def activate(here: Membership) -> ResponseReturnValue:
    """Make a draft the active version: one that a test has proven, or any when ``untested`` is said."""
    version = request.form.get("version", default=0, type=a_number)
    untested = request.form.get("untested") == "yes"
    try:
        is_certain = waypost().email_settings.activate(
            TenantId(here.tenant.id), version, actor=person().actor, untested=untested
        )
    except CannotActivateError as refused:
        flash(str(refused))
    else:
        flash(f"Version {version} is active: mail goes through it from now on." if is_certain else _NOT_CONFIRMED)
    return _back_to(here)


@blueprint.post("/draft/discard")
@needs_permission(Permission.EDIT_EMAIL_SETTINGS)
@confirmed(to="discard the draft")
def discard_draft(here: Membership) -> ResponseReturnValue:
    waypost().email_settings.discard_draft(TenantId(here.tenant.id), actor=person().actor)
    flash("The draft is discarded. No message was affected.")
    return _back_to(here)


@blueprint.post("/enable")
@needs_permission(Permission.SWITCH_ROUTE)
@confirmed(to="turn your own mail server on")
def enable(here: Membership) -> ResponseReturnValue:
    try:
        is_certain = waypost().email_settings.enable(TenantId(here.tenant.id), actor=person().actor)
    except CannotActivateError as refused:
        flash(str(refused))
    else:
        flash("Your own server is on: mail goes through it from now on." if is_certain else _NOT_CONFIRMED)
    return _back_to(here)


@blueprint.post("/disable")
@needs_permission(Permission.SWITCH_ROUTE)
@confirmed(to="turn your own mail server off")
def disable(here: Membership) -> ResponseReturnValue:
    is_certain = waypost().email_settings.disable(TenantId(here.tenant.id), actor=person().actor)
    flash("Your own server is off: mail goes through the platform from now on." if is_certain else _NOT_CONFIRMED)
    return _back_to(here)


def _saved_draft(here: Membership, form: EmailSettingsForm) -> int:
    return waypost().email_settings.save_draft(
        TenantId(here.tenant.id), form.given(), actor=person().actor, seen=form.seen_version
    )


def _changed_meanwhile(
    here: Membership, form: EmailSettingsForm, changed: ChangedMeanwhileError
) -> ResponseReturnValue:
    """Show what was typed again; who saves it once more has been told."""
    form.seen.data = str(changed.version)
    refusal = (
        f"Nothing was saved. {changed} What you typed is still here, and would replace it: look at it in another "
        "window, then save again."
    )
    return email_settings_page(here, form=form, refusal=refusal, status=409)


def _to_test(here: Membership, probe_id: str) -> ResponseReturnValue:
    return redirect(url_for("connection_probe.show", slug=here.tenant.slug, probe_id=probe_id, _anchor="test"), 303)


def _back_to(here: Membership) -> ResponseReturnValue:
    return redirect(url_for(".show", slug=here.tenant.slug), 303)
