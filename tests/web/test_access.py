"""What people read who may not open a page. Every address with every role is walked in ``test_guard``."""

from tests.support.portal_app import Browser, Portal, words_of


def test_a_refused_member_reads_why(bob: Browser) -> None:
    answer = bob.post("/t/acme/email-smtp/disable")
    assert answer.status_code == 403
    assert "Your role here is viewer, which does not allow to switch the tenant's server on and off." in words_of(
        answer
    )


def test_a_stranger_reads_what_might_be_wrong(charlie: Browser) -> None:
    answer = charlie.get("/t/acme/email-smtp")
    assert answer.status_code == 404
    assert "or the page belongs to a tenant you are not in." in words_of(answer)


def test_an_address_in_other_letters_is_another_address(alice: Browser) -> None:
    assert alice.get("/t/ACME/email-smtp").status_code == 404


def test_who_is_asked_to_sign_in_comes_back_to_where_they_were(portal: Portal) -> None:
    asked = portal.browser().get("/t/acme/audit-log?event=mail")
    assert asked.headers["Location"] == "/sign-in?next=/t/acme/audit-log?event%3Dmail"
