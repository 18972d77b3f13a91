"""The forms: fields and people's words. What a value must be is judged in the domain, not here."""

from flask_wtf import FlaskForm


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF comes without types; this is the one place that minds
    """A form with its CSRF token; the token of every POST is checked for the whole application."""
