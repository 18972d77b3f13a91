"""The sentences of a diagnosis where the server said what it wanted, by its answer and our reading of it.

Rows are asked from top to bottom; the first whose fault is the one found and whose conditions fit is told.
"""

from typing import Final

from portal.domain.routing.diagnosis_cases import Case
from portal.domain.routing.fault_rules import Rule
from portal.domain.routing.fault_traits import Fault

_ASK_AGAIN: Final = "Test again in a few minutes."
_ASK_ADMINISTRATOR: Final = (
    "If it stays so, show the server's words to its administrator or to your provider's support."
)

PASSWORDS_OFF: Final = Case(
    "{host} no longer accepts passwords for this account",
    "The server has sign-in with username and password switched off (often called basic authentication).",
    (
        "Ask your mail administrator to allow authenticated SMTP for this mailbox.",
        "If that is not possible, use another mail service for sending.",
    ),
    "username",
)
APP_PASSWORD: Final = Case(
    "{host} wants an app password",
    "The account's own password is not accepted from programs.",
    ("Create an app password in the account's security settings and enter it here.",),
    "password",
)
WRONG_PASSWORD: Final = Case(
    "The username or password was not accepted",
    "The server {host} refused the sign-in as {username}.",
    (
        "Enter the password again; a copied one easily brings a blank along.",
        "Check the username: many servers want the whole address, some a name of their own.",
    ),
    "password",
)
SIGN_IN_WANTED: Final = Case(
    "{host} wants a sign-in",
    "The server takes mail only from those who sign in with username and password.",
    ("Enter username and password.",),
    "username",
)
NOT_ENCRYPTED: Final = Case(
    "{host} insists on encryption",
    "The server takes no mail over an unencrypted connection.",
    ("Choose STARTTLS.",),
    "security",
)
SENDER: Final = Case(
    "{host} does not let you send as {from_address}",
    "The sign-in worked, but the server refuses this sender.",
    (
        "Use a From address that belongs to the account you signed in with.",
        "Or have this address, or its domain, verified or permitted for the account at your provider.",
    ),
    "from_address",
)
RELAY: Final = Case(
    "{host} does not pass on mail for us",
    "The server refused to send to other domains for this connection, or blocks this platform's address.",
    (
        "Check that host and port are those for sending (submission), with a username.",
        "If the server knows clients by their address, have this platform's address allowed.",
    ),
    "username",
)
NOT_WELCOME: Final = Case(
    "{host} refuses to talk to us",
    "The server turned us away before anything was sent. It may block this platform's address or take no mail at all.",
    ("Check the host: a server for receiving mail is not one for sending.", _ASK_ADMINISTRATOR),
    "host",
)
BUSY: Final = Case(
    "{host} cannot take mail at this moment",
    "The server works, but asks us to come back later.",
    (_ASK_AGAIN, _ASK_ADMINISTRATOR),
)
AMBIGUOUS: Final = Case(
    "The test message may or may not have been accepted",
    "The message was handed over whole, and the server did not confirm it.",
    ("Look whether the test message has arrived.", "Test again in a minute."),
)
PROTOCOL: Final = Case(
    "{host} does not keep to the rules of SMTP",
    "The server gave an answer that does not belong to the question.",
    ("Check host and port.", _ASK_ADMINISTRATOR),
    "host",
)

_AUTH: Final = (
    (
        Rule.of(
            Fault.ROUTE_AUTH, words="basic authentication *|smtpclientauthentication *|auth * disabled for the tenant"
        ),
        PASSWORDS_OFF,
    ),
    (Rule.of(Fault.ROUTE_AUTH, enhanced="5.7.139 5.7.30"), PASSWORDS_OFF),
    (Rule.of(Fault.ROUTE_AUTH, words="application-specific *|app password*|app-specific *"), APP_PASSWORD),
    (
        Rule.of(Fault.ROUTE_AUTH, words="web browser|web login|browser"),
        Case(
            "{host} wants you to sign in with a browser first",
            "The provider thinks this sign-in is unusual and asks for a confirmation.",
            ("Sign in to the account with a browser, confirm that it was you, and test again.",),
            "username",
        ),
    ),
    (
        Rule.of(Fault.ROUTE_AUTH, words="disabled|suspended|locked|account * expired|password * expired"),
        Case(
            "The account at {host} is closed or locked",
            "The server knows {username} but does not let it in.",
            (
                "Ask your provider or mail administrator to open the account.",
                "Wait with more tries: they may prolong it.",
            ),
            "username",
        ),
    ),
    (
        Rule.of(Fault.ROUTE_AUTH, stage="auth", code="432"),
        Case(
            "The password has to be set anew",
            "The server wants the password changed once before it accepts this way to sign in.",
            ("Change the account's password at your provider, then enter it here.",),
            "password",
        ),
    ),
    (Rule.of(Fault.ROUTE_AUTH, stage="auth"), WRONG_PASSWORD),
    (Rule.of(Fault.ROUTE_AUTH), SIGN_IN_WANTED),
)

_RATE: Final = (
    (
        Rule.of(Fault.RATE, stage="auth", words="too many *|login attempts"),
        Case(
            "Too many sign-ins at {host}",
            "The server takes no more sign-ins for a while, from this account or from this platform.",
            ("Wait an hour before the next test.", "Check that no other program signs in with an old password."),
        ),
    ),
    (
        Rule.of(
            Fault.RATE, words="quota*|daily *|hourly *|monthly *|credit*|relay limit|sending limit*|reached * limit"
        ),
        Case(
            "The sending limit at {host} is used up",
            "The settings are right, but the account may not send more at present.",
            ("Wait until the limit starts anew, often the next hour or day.", "Or raise the limit at your provider."),
        ),
    ),
    (
        Rule.of(Fault.RATE),
        Case(
            "{host} asks us to send more slowly",
            "The settings are right, but the server takes fewer messages or connections at a time.",
            (_ASK_AGAIN,),
        ),
    ),
)

_RECIPIENT: Final = (
    (
        Rule.of(Fault.RCPT_PERM),
        Case(
            "{host} refused the address the test went to",
            "Everything before was accepted, but not the recipient. The settings themselves seem right.",
            ("Check that your own address, to which the test goes, exists and receives mail.", _ASK_ADMINISTRATOR),
        ),
    ),
    (
        Rule.of(Fault.RCPT_TEMP, words="greylist*|graylist*|greylisting"),
        Case(
            "{host} lets first messages wait (greylisting)",
            "The server takes mail from a new sender only at the second try. Real mail is tried again by itself.",
            ("Test again in five to ten minutes.",),
        ),
    ),
    (
        Rule.of(Fault.RCPT_TEMP),
        Case(
            "The address the test went to cannot take mail now",
            "Everything before was accepted; the mailbox may be full or busy. The settings themselves seem right.",
            ("Check the mailbox of your own address, to which the test goes.", _ASK_AGAIN),
        ),
    ),
)

_MESSAGE: Final = (
    (
        Rule.of(Fault.MSG_PERM, code="552"),
        Case(
            "The message is too large for {host}",
            "The server takes smaller messages only.",
            ("Ask the server's administrator to allow larger messages.",),
        ),
    ),
    (
        Rule.of(Fault.MSG_PERM),
        Case(
            "{host} refused the test message itself",
            "Sign-in, sender and recipient were accepted, but not the content, e.g. because a filter took it for spam.",
            (_ASK_ADMINISTRATOR,),
            "from_address",
        ),
    ),
)

_REFUSED: Final = (
    (Rule.of(Fault.ROUTE_PERM, words="must issue * starttls|starttls *|encryption * required"), NOT_ENCRYPTED),
    (Rule.of(Fault.ROUTE_PERM, stage="auth", code="538"), NOT_ENCRYPTED),
    (Rule.of(Fault.ROUTE_PERM, stage="banner"), NOT_WELCOME),
    (
        Rule.of(Fault.ROUTE_PERM, stage="ehlo"),
        Case(
            "{host} refuses our greeting",
            "The server did not accept the name this platform greets with, or does not know modern SMTP.",
            ("Check host and port.", _ASK_ADMINISTRATOR),
            "host",
        ),
    ),
    (
        Rule.of(Fault.ROUTE_PERM, stage="starttls"),
        Case(
            "{host} refuses STARTTLS on port {port}",
            "The server offered to encrypt and then declined.",
            ("Try port 465 with SSL/TLS.", _ASK_ADMINISTRATOR),
            "security",
        ),
    ),
    (
        Rule.of(Fault.ROUTE_PERM, stage="auth"),
        Case(
            "{host} does not do sign-ins like this",
            "The server refused the way of signing in, not the password.",
            ("Use port 587 with STARTTLS or port 465 with SSL/TLS.", "Let the way to sign in be found automatically."),
            "security",
        ),
    ),
    (Rule.of(Fault.ROUTE_PERM, words="relay access denied|relaying denied|client host"), RELAY),
    (
        Rule.of(
            Fault.ROUTE_PERM, words="suspended|paused|disabled|pending *|access denied|sandbox*|authorized recipients"
        ),
        Case(
            "Your account at {host} may not send",
            "The provider has not yet opened the account for sending, or has stopped it.",
            ("Sign in at your provider; the account's state is shown there.", _ASK_ADMINISTRATOR),
        ),
    ),
    (Rule.of(Fault.ROUTE_PERM), RELAY),
)

_NOT_NOW: Final = (
    (
        Rule.of(Fault.ROUTE_TEMP, stage="starttls"),
        Case(
            "{host} cannot encrypt at this moment",
            "The server offers STARTTLS but says that TLS is not available now.",
            (_ASK_AGAIN, "Or try port 465 with SSL/TLS."),
            "security",
        ),
    ),
    (
        Rule.of(Fault.ROUTE_TEMP, stage="auth"),
        Case(
            "{host} cannot check passwords at this moment",
            "The server put the sign-in off. That does not mean that username or password are wrong.",
            (_ASK_AGAIN, _ASK_ADMINISTRATOR),
        ),
    ),
    (Rule.of(Fault.ROUTE_TEMP), BUSY),
)

BY_REPLY: Final = (
    *_AUTH,
    *_RATE,
    (Rule.of(Fault.ROUTE_SENDER), SENDER),
    *_RECIPIENT,
    *_MESSAGE,
    *_REFUSED,
    *_NOT_NOW,
    (Rule.of(Fault.AMBIGUOUS), AMBIGUOUS),
    (Rule.of(Fault.ROUTE_PROTOCOL), PROTOCOL),
)
