"""Signing in."""

from wtforms import PasswordField, StringField

from portal.web.forms import Form


class SignInForm(Form):
    email = StringField("Email address", render_kw={"autocomplete": "username", "type": "email"})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})
