"""A new password for who has forgotten theirs."""

from typing import Final

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.services.recovery import LIFETIME, Void, VoidLinkError
from portal.services.sign_in_limits import TooManyTriesError
from portal.web import known_browser, login
from portal.web.access import anyone
from portal.web.database import waypost
from portal.web.forms.recovery import NewPasswordForm, RecoveryForm
from portal.web.waits import retry_after, try_again

blueprint = Blueprint("recovery", __name__, url_prefix="/recovery")

_MINUTES: Final = int(LIFETIME.total_seconds()) // 60
_WHY: Final = {
    Void.USED: "This link was used already, or a later one was. A link works once.",
    Void.EXPIRED: f"This link is more than {_MINUTES} minutes old, so it does not work any more.",
    Void.UNKNOWN: "This link is not one of ours. Part of it may be missing: copy the whole link from the mail.",
}


@blueprint.get("")
@anyone
def ask() -> ResponseReturnValue:
    return render_template("recovery/ask.html", form=RecoveryForm())


@blueprint.post("")
@anyone
def send() -> ResponseReturnValue:
    """The answer is the same whoever has the address, or nobody (THREATS 24)."""
    form = RecoveryForm()
    try:
        waypost().recovery.ask(form.email.data or "", login.visitor())
    except TooManyTriesError as refused:
        problem = f"Too many new passwords were asked for from your network. {try_again(refused.wait)}"
        return render_template("recovery/ask.html", form=form, problem=problem), 429, retry_after(refused.wait)
    return redirect(url_for(".sent"), 303)


@blueprint.get("/sent")
@anyone
def sent() -> ResponseReturnValue:
    return render_template("recovery/sent.html", minutes=_MINUTES)


@blueprint.get("/<token>")
@anyone
def show(token: str) -> ResponseReturnValue:
    """The form for the new password. Programs that look at links in mails use nothing up by that."""
    return _page(token, NewPasswordForm())


@blueprint.post("/<token>")
@anyone
def set_password(token: str) -> ResponseReturnValue:
    form = NewPasswordForm()
    new = form.agreed()
    if new is None:
        return _page(token, form, 422)
    try:
        user_id = waypost().recovery.finish(token, new, login.visitor())
    except VoidLinkError as void:
        return _void(void)
    login.end()
    flash("Your password is changed, and every browser was signed out. Sign in with the new password.")
    response = make_response(redirect(url_for("sign_in.show"), 303))
    known_browser.remember(response, user_id)  # who reads the mailbox is not kept out by others' wrong passwords
    return response


def _page(token: str, form: NewPasswordForm, status: int = 200) -> ResponseReturnValue:
    try:
        email = waypost().recovery.email_of(token)
    except VoidLinkError as void:
        return _void(void)
    return render_template("recovery/new_password.html", form=form, email=email), status


def _void(void: VoidLinkError) -> ResponseReturnValue:
    return render_template("recovery/void.html", why=_WHY[void.why]), 410
