"""Asking for a new password, and choosing it."""

from wtforms import PasswordField, StringField

from portal.domain.people.password_rules import SHORTEST, PasswordError, check_password
from portal.web.forms import Form


class RecoveryForm(Form):
    email = StringField("Email address", render_kw={"autocomplete": "username", "type": "email"})


class NewPasswordForm(Form):
    """A new password, typed twice because nobody sees what they type."""

    new_password = PasswordField(
        "New password",
        description=f"At least {SHORTEST} characters.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField("The new password again", render_kw={"autocomplete": "new-password"})

    def agreed(self) -> str | None:
        """The password, when it can be used and was typed alike twice; else None, and the fields say why."""
        new = self.new_password.data or ""
        try:
            check_password(new)
        except PasswordError as refused:
            self.new_password.errors = [str(refused)]
            return None
        if new != (self.again.data or ""):
            self.again.errors = ["This is not the same as above. Type both again."]
            return None
        return new
