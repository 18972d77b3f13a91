"""Every page of the portal and every state worth looking at: for the accessibility tests and the screenshots alike."""

from datetime import timedelta
from typing import Final

from tests.support.furnished_portal import BROKEN, DORA, LONG, NORA, UNREACHABLE, FurnishedPortal
from tests.support.page_state import PageState, does, nothing, presses, types, unfolds
from tests.support.portal_app import ALICE, BOB, OLGA

NO_PAGES: Final = {
    "static": "files",
    "health.process": "for programs",
    "health.database": "for programs",
    "connection_probe.receipt": "a part of the test's page",
    "connection_probe.report": "plain text",
}
"""What is answered to GET and is nothing to look at."""


def _dora_is_asked_again(it: FurnishedPortal) -> str:
    it.forgets_who(DORA)
    return ""


_SIGN_IN: Final = (
    PageState("sign in", "sign_in.show", "/sign-in", "Forgot your password?", None),
    PageState(
        "sign in, wrong password",
        "sign_in.show",
        "/sign-in",
        "is not right",
        None,
        does(types(email="nobody@acme.example", password="not the password"), presses("Sign in")),
    ),
    PageState("recovery, asked for", "recovery.ask", "/recovery", "Mail me a link", None),
    PageState("recovery, mailed", "recovery.sent", "/recovery/sent", "Look into your mailbox", None),
    PageState("recovery, new password", "recovery.show", "/recovery/{recovery}", "Set the new password", None),
    PageState(
        "recovery, problems",
        "recovery.show",
        "/recovery/{recovery}",
        "Choose a new password",
        None,
        does(types(new_password="short", again="shorter"), presses("Set the new password")),
    ),
    PageState("recovery, void link", "recovery.show", "/recovery/no-such-link", "This link does not work", None),
    PageState("account", "account.show", "/account", "Your sign-ins"),
    PageState(
        "account, problems",
        "account.show",
        "/account",
        "Change your password",
        act=does(types(current_password="wrong", new_password="short", again="other"), presses("Change the password")),
    ),
    PageState(
        "confirmation",
        "email_settings.show",
        "/t/acme/email-smtp",
        "Confirm that it is you",
        DORA,
        presses("Turn off our own server"),
        _dora_is_asked_again,
    ),
    PageState("no tenant", "front_door.show", "/", "You are in no tenant", NORA),
    PageState("no tenant, operator", "front_door.show", "/", "You run this platform", OLGA),
)
_OVERVIEW: Final = tuple(
    PageState(f"overview, {name}", "overview.show", f"/t/{slug}/overview", shows, who)
    for name, slug, shows, who in (
        ("busy", "acme", "Sent", ALICE),
        ("no mail yet", "fresh", "No mail yet", ALICE),
        ("failing", "failing", "Overview", ALICE),
        ("turned off", "off", "Overview", ALICE),
        ("as a viewer", "acme", "Overview", BOB),
        ("long words", "wordy", "Overview", LONG),
    )
)
_EMAIL_SETTINGS: Final = tuple(
    PageState(f"email settings, {name}", "email_settings.show", f"/t/{slug}/email-smtp", shows, who, act)
    for name, slug, shows, who, act in (
        ("nothing set up", "fresh", "What you will need", ALICE, nothing),
        ("draft not tested", "drafted", "Activate without a passed test", ALICE, unfolds("Activate without")),
        ("draft proven", "proven", "Activate", ALICE, nothing),
        ("active", "acme", "Active", ALICE, nothing),
        ("turned off", "off", "Turned off", ALICE, nothing),
        ("failing", "failing", "failing", ALICE, nothing),
        ("as a viewer", "acme", "You are a viewer here", BOB, nothing),
        ("advanced", "acme", "EHLO name", ALICE, unfolds("Advanced")),
        ("long words", "wordy", "Draft", LONG, nothing),
        ("tenants", "acme", "Acme Outage", ALICE, lambda page: page.locator("#tenant-switcher").click()),
        ("account menu", "acme", "Sign out", ALICE, lambda page: page.locator("#account-menu").click()),
        (
            "problems",
            "fresh",
            "Nothing was saved",
            ALICE,
            does(types(host="mail server", port="70000", from_address="nobody"), presses("Save draft")),
        ),
        (
            "test refused",
            "acme",
            "You have tested 5 times",
            DORA,
            does(types(password="a password"), presses("Test connection")),
        ),
    )
)
_PRESET: Final = PageState(
    "email settings, preset", "email_settings.show", "/t/fresh/email-smtp?preset=gmail", "Filled in for Gmail"
)
_TEST: Final = "/t/acme/email-smtp/tests/{}"
_TESTS: Final = (
    *(
        PageState(f"test, {name}", "connection_probe.show", _TEST.format("{" + which + "}"), shows)
        for name, which, shows in (
            ("passed", "passed test", "accepted the test message"),
            ("with a fix", "test of the other encryption", "Apply fix"),
            ("wrong password", "test of a wrong password", "was not accepted"),
            ("unknown host", "test of an unknown host", "There is no server called"),
            ("nobody listens", "test where nobody listens", "accepts no connections"),
        )
    ),
    PageState(
        "test, details",
        "connection_probe.show",
        _TEST.format("{passed test}"),
        "AUTH",
        act=does(unfolds("Which settings"), unfolds("Transcript")),
    ),
    PageState(
        "test, running",
        "connection_probe.show",
        _TEST.format("{it}"),
        "s so far",
        before=lambda it: it.begins_a_test(),
    ),
    PageState(
        "test, interrupted",
        "connection_probe.show",
        _TEST.format("{it}"),
        "interrupted",
        before=lambda it: it.begins_a_test(ago=timedelta(minutes=5)),
    ),
    PageState("tests", "connection_probe.history", "/t/acme/email-smtp/tests", "Connection tests"),
    PageState("tests, none", "connection_probe.history", "/t/fresh/email-smtp/tests", "No test yet"),
    PageState("receipt", "probe_receipts.show", "/received/{receipt}", "Did the test message arrive?", None),
    PageState("receipt, unknown", "probe_receipts.show", "/received/nothing", "no longer known", None),
    PageState(
        "receipt, recorded",
        "probe_receipts.show",
        "/received/{receipt}",
        "Thank you",
        None,
        presses("Yes, I received it"),
    ),
)
_MESSAGES: Final = (
    *(
        PageState(f"message, {name}", "messages.show", f"/t/acme/messages/{{{name} message}}", shows)
        for name, shows in (
            ("sent", "Sent"),
            ("failed", "550 5.1.1"),
            ("waiting", "451 4.7.1"),
            ("fallen back", "550 5.7.60"),
        )
    ),
    PageState("activity", "messages.log", "/t/acme/messages", "Activity"),
    PageState("activity, filtered", "messages.log", "/t/acme/messages?outcome=failed&span=24h", "Clear"),
    PageState("activity, nothing fits", "messages.log", "/t/acme/messages?q=nowhere", "No message fits"),
    PageState("activity, no message yet", "messages.log", "/t/fresh/messages", "No message yet"),
    PageState("audit log", "audit_log.show", "/t/acme/audit-log", "Audit log"),
    PageState("audit log, filtered", "audit_log.show", "/t/acme/audit-log?event=email.send_failed", "Show all"),
    PageState("audit log, problems", "audit_log.show", "/t/acme/audit-log?from=yesterday&network=x", "Show all"),
    PageState("audit log, nothing fits", "audit_log.show", "/t/fresh/audit-log?event=email.sent", "Show all"),
    PageState("audit log, as a viewer", "audit_log.show", "/t/acme/audit-log", "Audit log", BOB),
)
_ERRORS: Final = (
    PageState("error, no such page", "", "/no/such/page", "There is no such page"),
    PageState("error, no such page for strangers", "", "/no/such/page", "There is no such page", None),
    PageState(
        "error, form too old",
        "",
        "/sign-in",
        "This form is too old",
        None,
        does(
            types(email="nobody@acme.example", password="x"),
            lambda page: page.context.clear_cookies(),
            presses("Sign in"),
        ),
    ),
    PageState("error, defect", "", BROKEN, "Something went wrong on our side", fails=True),
    PageState("error, no database", "", UNREACHABLE, "The database does not answer", fails=True),
)
_DEMO: Final = (
    PageState("inbox", "inbox.mails", "{demo}/inbox", "Your report is ready"),
    PageState("inbox, mail", "inbox.mail", "{demo}/inbox/{mail}", "How it came"),
    PageState("email settings, demo", "email_settings.show", "{demo}/t/fresh/email-smtp", "to type in below"),
)
CATALOGUE: Final = (
    *_SIGN_IN,
    *_OVERVIEW,
    *_EMAIL_SETTINGS,
    _PRESET,
    *_TESTS,
    *_MESSAGES,
    *_ERRORS,
    *_DEMO,
)
