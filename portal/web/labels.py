"""Values in people's words: choices of forms, stages, states."""

from typing import Final

from flask import Flask

from portal.domain.people.roles import Role
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.smtp_route import AuthChoice, TlsMode, Via

ENCRYPTION: Final = {
    TlsMode.STARTTLS: "STARTTLS",
    TlsMode.IMPLICIT: "SSL/TLS",
    TlsMode.NONE: "None",
}
SIGNING: Final = {
    SigningChoice.OWN_SERVER: "Our server signs",
    SigningChoice.PLATFORM: "The platform signs with its own key",
    SigningChoice.NONE: "Nobody signs",
}
FALLBACK: Final = {
    FallbackPolicy.ALWAYS: "Send it through the platform",
    FallbackPolicy.SECURITY: "Send security mail through the platform, hold the rest",
    FallbackPolicy.NEVER: "Hold it",
}
AUTH: Final = {
    AuthChoice.AUTO: "Found automatically",
    AuthChoice.PLAIN: "PLAIN",
    AuthChoice.LOGIN: "LOGIN",
    AuthChoice.NONE: "No sign-in",
}
CONSEQUENCES: Final = {
    "security": {
        TlsMode.STARTTLS: "Usual on port 587. Required: without it nothing is sent.",
        TlsMode.IMPLICIT: "Usual on port 465. Encrypted from the first byte.",
        TlsMode.NONE: "Everybody on the way can read along. Never with a password.",
    },
    "signing": {
        SigningChoice.OWN_SERVER: (
            "Usual. Platform DKIM is disabled: your server or provider signs, and the platform adds nothing."
        ),
        SigningChoice.PLATFORM: (
            "For a server that does not sign; needs a From address in a domain that the platform holds a key for."
        ),
        SigningChoice.NONE: (
            "Platform DKIM is disabled and your server does not sign either: only SPF vouches for your mail, which "
            "forwarding breaks."
        ),
    },
    "fallback": {
        FallbackPolicy.ALWAYS: (
            "Nothing is lost to an outage. Readers see the platform's address until your server is back."
        ),
        FallbackPolicy.SECURITY: (
            "Sign-in codes and recovery mail arrive in time. Everything else waits and is tried again until its "
            "lifetime ends, three days for most mail; then it fails, with a record."
        ),
        FallbackPolicy.NEVER: (
            "No mail leaves in the platform's name. Everything waits and is tried again until its lifetime ends: "
            "a sign-in code expires after ten minutes, most other mail after three days; then it fails, with a record."
        ),
    },
}
"""What a choice means, by its field and value."""

ROLES: Final = {Role.OWNER: "Owner", Role.ADMIN: "Admin", Role.VIEWER: "Viewer"}
STAGES: Final = {
    "resolve": "Look up the host",
    "connect": "Connect",
    "banner": "Greeting",
    "ehlo": "Capabilities (EHLO)",
    "starttls": "Ask for encryption (STARTTLS)",
    "tls": "Encrypt (TLS)",
    "auth": "Sign in",
    "mail": "Sender (MAIL FROM)",
    "rcpt": "Recipient (RCPT TO)",
    "data": "Ready for the message (DATA)",
    "body": "Send the message",
    "dot": "Message accepted",
    "quit": "Goodbye (QUIT)",
}
FIELDS: Final = {
    "host": "Host",
    "port": "Port",
    "security": "Encryption",
    "username": "Username",
    "password": "Password or API key",
    "from_address": "From address",
    "from_name": "Display name",
    "reply_to": "Reply-To",
    "signing": "Who signs with DKIM",
    "fallback": "When your server cannot take a message",
    "auth": "Sign-in method",
    "ehlo_name": "EHLO name",
    "envelope_from": "Envelope sender",
    "dkim_selectors": "DKIM selectors of your server",
    "rate_per_second": "Messages per second",
    "rate_per_minute": "Messages per minute",
    "rate_per_day": "Messages per day",
}
"""The email settings, by their CONTRACT names."""
VIAS: Final = {
    Via.TENANT: "Your own server",
    Via.DOMAIN: "The platform, in your domain's name",
    Via.PLATFORM: "The platform",
}


def initials(name: str) -> str:
    """At most two letters that stand for a person, e.g. ``AL``; empty for a name without a letter."""
    words = name.partition("@")[0].replace(".", " ").split()
    letters = [next(filter(str.isalnum, word), "") for word in words]
    found = [letter for letter in letters if letter]
    return (found[0] + (found[-1] if len(found) > 1 else "")).upper() if found else ""


def milliseconds(seconds: float) -> str:
    """A duration for a list of stages, e.g. ``21 ms``; from ten seconds on in seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(initials=initials, milliseconds=milliseconds)
    app.jinja_env.globals.update(
        consequences=CONSEQUENCES,
        encryption=ENCRYPTION,
        fields=FIELDS,
        roles=ROLES,
        stages=STAGES,
        vias=VIAS,
        demo=lambda: app.extensions.get("waypost_demo"),
    )
