"""What a sign-in password must be (NIST SP 800-63B section 5.1.1.2): long enough, and not one everybody tries."""

from typing import Final

SHORTEST: Final = 10
LONGEST: Final = 256

_EVERYBODY_TRIES: Final = frozenset(
    {"password12", "password123", "passwort123", "1234567890", "12345678910", "qwertyuiop", "iloveyou12", "adminadmin"}
)


class PasswordError(ValueError):
    """The password cannot be used; the text says why."""


def check_password(password: str) -> None:
    """Judge a new password. No rules on characters: they make passwords worse.

    Raises:
        PasswordError: It is too short, too long or too common.
    """
    if len(password) < SHORTEST:
        raise PasswordError(f"Use at least {SHORTEST} characters; a few words in a row are easy to remember.")
    if len(password) > LONGEST:
        raise PasswordError(f"Use at most {LONGEST} characters.")
    if password.lower() in _EVERYBODY_TRIES or len(set(password)) <= 2:
        raise PasswordError("This password is among the first that anybody would try. Use a few words in a row.")
