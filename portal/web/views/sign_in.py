"""Signing in and out."""

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.services.sign_in import WrongPasswordError
from portal.services.sign_in_limits import TooManyTriesError
from portal.web import login
from portal.web.access import anyone
from portal.web.database import waypost
from portal.web.forms.sign_in import SignInForm
from portal.web.waits import retry_after, try_again

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
    try:
        token = waypost().sign_in.sign_in(form.email.data or "", form.password.data or "", login.visitor())
    except WrongPasswordError:
        return render_template("sign_in/page.html", form=form, problem="Email address or password is not right."), 422
    except TooManyTriesError as refused:
        problem = f"Too many tries to sign in to this account or from your network. {try_again(refused.wait)}"
        return render_template("sign_in/page.html", form=form, problem=problem), 429, retry_after(refused.wait)
    response = make_response(redirect(_onwards(), 303))
    login.begin(token, response)
    return response


@blueprint.post("/sign-out")
@anyone
def sign_out() -> ResponseReturnValue:
    login.end()
    return redirect(url_for(".show"), 303)


def _onwards() -> str:
    return login.inner_path(request.args.get("next")) or url_for("front_door.show")
