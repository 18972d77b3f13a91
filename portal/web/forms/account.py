"""Changing one's own password."""

from wtforms import PasswordField

from portal.web.forms.recovery import NewPasswordForm


class ChangePasswordForm(NewPasswordForm):
    current_password = PasswordField("Current password", render_kw={"autocomplete": "current-password"})
