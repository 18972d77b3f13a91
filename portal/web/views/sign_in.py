"""Signing in and out."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.web import login
from portal.web.access import anyone
from portal.web.database import waypost
from portal.web.forms.sign_in import SignInForm

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
@anyone
def show() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(_onwards())
    return render_template("sign_in/page.html", form=SignInForm())


@blueprint.post("/sign-in")
@anyone
def sign_in() -> ResponseReturnValue:
    """Check the password; a wrong one and an unknown address get the same words (THREATS 24)."""
    form = SignInForm()
    token = waypost().sign_in.sign_in(form.email.data or "", form.password.data or "", network=request.remote_addr)
    if token is None:
        return render_template("sign_in/page.html", form=form, refused=True), 422
    login.begin(token)
    return redirect(_onwards(), 303)


@blueprint.post("/sign-out")
@anyone
def sign_out() -> ResponseReturnValue:
    login.end()
    return redirect(url_for(".show"), 303)


def _onwards() -> str:
    return login.inner_path(request.args.get("next")) or url_for("front_door.show")
