"""One's own account: the password, and the browsers that are signed in."""

from flask import Blueprint, abort, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.domain.people import user_agents
from portal.domain.people.sign_in_rules import why_ended
from portal.services.sign_in import WrongPasswordError
from portal.services.sign_in_limits import TooManyTriesError
from portal.storage import sign_ins
from portal.web import login
from portal.web.access import signed_in
from portal.web.database import db, waypost
from portal.web.forms.account import ChangePasswordForm
from portal.web.login import person, visitor
from portal.web.waits import retry_after, try_again

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
@signed_in
def show() -> ResponseReturnValue:
    return _page(ChangePasswordForm())


@blueprint.post("/password")
@signed_in
def change_password() -> ResponseReturnValue:
    form = ChangePasswordForm()
    new = form.agreed()
    if new is None:
        return _page(form), 422
    try:
        token = waypost().passwords.change(
            person().account, current=form.current_password.data or "", new=new, visitor=visitor()
        )
    except WrongPasswordError:
        form.current_password.errors = ["This is not your current password."]
        return _page(form), 422
    except TooManyTriesError as refused:
        form.current_password.errors = [f"Too many wrong passwords. {try_again(refused.wait)}"]
        return _page(form), 429, retry_after(refused.wait)
    response = make_response(redirect(url_for(".show"), 303))
    login.begin(token, response)
    flash("Your password is changed. Every other browser was signed out.")
    return response


@blueprint.post("/sign-ins/<sign_in_id>/end")
@signed_in
def end_sign_in(sign_in_id: str) -> ResponseReturnValue:
    """Sign another browser out; this one has its own button in the header."""
    if sign_in_id == person().account.sign_in_id or not sign_in_id.isalnum():  # PostgreSQL takes no NUL
        abort(404)
    if waypost().sign_ins.end_one(sign_in_id, actor=person().actor):
        flash("That browser is signed out.")
    else:
        flash("That browser was signed out already.")
    return redirect(url_for(".show", _anchor="sign-ins"), 303)


@blueprint.post("/sign-ins/end-others")
@signed_in
def end_others() -> ResponseReturnValue:
    ended = waypost().sign_ins.end_others(person().account, actor=person().actor)
    flash("No other browser was signed in." if not ended else "Every other browser is signed out.")
    return redirect(url_for(".show", _anchor="sign-ins"), 303)


def _page(form: ChangePasswordForm) -> str:
    now = waypost().clock()
    account = person().account
    rows = [
        row
        for row in sign_ins.of_user(db.session(), account.user_id)
        if not why_ended(created_at=row.created_at, seen_at=row.seen_at, now=now)
    ]
    return render_template(
        "account/page.html",
        form=form,
        account=account,
        rows=sorted(rows, key=lambda row: row.id != account.sign_in_id),
        browser=user_agents.short_name,
    )
