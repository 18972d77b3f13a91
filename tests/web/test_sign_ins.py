"""The browsers a person is signed in with: listed, ended, and given a new token when what they may do changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import UserId
from portal.domain.people.roles import Role
from portal.storage import sign_ins, users
from portal.storage.sign_ins import SignInRow
from tests.support.portal_app import ACME, ALICE, BOB, CHARLIE, PASSWORD, Browser, Portal, served, words_of
from tests.support.signed_in import audited, cookie_of

ACCOUNT: Final = "/account"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def rows_of(portal: Portal, email: str) -> list[SignInRow]:
    with portal.waypost.database.reading() as session:
        user = users.user_by_email(session, email)
        assert user is not None
        return list(sign_ins.of_user(session, UserId(user.id)))


def make(portal: Portal, email: str, role: Role) -> None:
    with portal.waypost.database.reading() as session:
        user = users.user_by_email(session, email)
        assert user is not None
    portal.waypost.accounts.add_member(ACME, UserId(user.id), role, actor=COMMAND_LINE)


def test_each_sign_in_is_listed_with_browser_network_and_times_and_this_one_is_marked(portal: Portal) -> None:
    firefox = portal.browser()
    firefox.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    firefox.client.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    firefox.sign_in(ALICE, PASSWORD)
    here = portal.browser(ALICE)
    words = words_of(here.get(ACCOUNT))
    assert "Firefox on Linux from 198.51.100.7 · since" in words
    assert words.count("This browser") == 1
    assert words_of(firefox.get(ACCOUNT)).count("Firefox on Linux This browser from") == 1


def test_nobody_sees_or_ends_the_sign_ins_of_others(portal: Portal, alice: Browser, charlie: Browser) -> None:
    [mine] = rows_of(portal, ALICE)
    assert mine.id not in charlie.get(ACCOUNT).text
    charlie.post(f"{ACCOUNT}/sign-ins/{mine.id}/end")
    assert alice.get(ACCOUNT).status_code == 200
    assert audited(portal, "user.sign_ins_ended") == 0


def test_another_browser_is_signed_out_from_here(portal: Portal, alice: Browser) -> None:
    other = portal.browser(ALICE)
    [id_] = [row.id for row in rows_of(portal, ALICE) if f"/sign-ins/{row.id}/end" in alice.get(ACCOUNT).text]
    answer = alice.post(f"{ACCOUNT}/sign-ins/{id_}/end")
    assert answer.headers["Location"] == "/account#sign-ins"
    assert other.get(ACCOUNT).status_code == 303
    assert alice.get(ACCOUNT).status_code == 200
    assert audited(portal, "user.sign_ins_ended") == 1


def test_the_browser_in_use_is_left_by_its_own_button_only(portal: Portal, alice: Browser) -> None:
    [mine] = rows_of(portal, ALICE)
    assert alice.post(f"{ACCOUNT}/sign-ins/{mine.id}/end").status_code == 404
    assert alice.get(ACCOUNT).status_code == 200


def test_everywhere_else_is_everywhere_else(portal: Portal, alice: Browser, charlie: Browser) -> None:
    others = [portal.browser(ALICE) for _ in range(3)]
    alice.post(f"{ACCOUNT}/sign-ins/end-others")
    assert [browser.get(ACCOUNT).status_code for browser in others] == [303] * 3
    assert [browser.get(ACCOUNT).status_code for browser in (alice, charlie)] == [200, 200]
    assert "You are signed in nowhere else." in words_of(alice.get(ACCOUNT))


def test_a_sign_in_that_has_run_out_is_not_listed(portal: Portal) -> None:
    portal.browser(ALICE)
    portal.clock.passed += timedelta(minutes=31)
    assert "You are signed in nowhere else." in words_of(portal.browser(ALICE).get(ACCOUNT))


def test_a_browsers_words_about_itself_are_text(portal: Portal) -> None:
    browser = portal.browser()
    browser.client.environ_base["HTTP_USER_AGENT"] = "<b>Firefox/</b>" + "x" * 1000
    browser.sign_in(ALICE, PASSWORD)
    assert "<b>" not in browser.get(ACCOUNT).text
    assert len(rows_of(portal, ALICE)[0].user_agent) == 200


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
def test_another_role_gives_a_new_token_without_signing_anybody_out(portal: Portal, role: Role) -> None:
    bob = portal.browser(BOB)
    before, [row] = cookie_of(bob), rows_of(portal, BOB)
    make(portal, BOB, role)
    assert bob.get(ACCOUNT).status_code == 200
    assert cookie_of(bob) != before
    [after] = rows_of(portal, BOB)
    assert (after.id, after.must_rotate) == (row.id, False)
    assert after.token_hash != row.token_hash

    portal.clock.passed += timedelta(minutes=5)
    assert bob.get(ACCOUNT).status_code == 200
    thief = portal.browser()
    thief.client.set_cookie("waypost", before, domain="127.0.0.1")
    assert thief.get(ACCOUNT).status_code == 303


def test_the_same_role_again_changes_nothing(portal: Portal) -> None:
    bob = portal.browser(BOB)
    bob.get(ACCOUNT)
    before = cookie_of(bob)
    make(portal, BOB, Role.VIEWER)
    bob.get(ACCOUNT)
    assert cookie_of(bob) == before


def test_requests_under_way_with_the_token_before_are_answered_and_do_not_bring_it_back(portal: Portal) -> None:
    bob = portal.browser(BOB)
    bob.get(ACCOUNT)
    before = cookie_of(bob)
    make(portal, BOB, Role.ADMIN)
    bob.get(ACCOUNT)
    late = portal.browser()
    late.client.set_cookie("waypost", before, domain="127.0.0.1")
    answer = late.get(ACCOUNT)
    assert answer.status_code == 200
    assert [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("waypost=")] == []
    changed = late.post(f"{ACCOUNT}/sign-ins/end-others")  # which notes in the session what it has to say
    assert changed.status_code == 303
    assert [c for c in changed.headers.getlist("Set-Cookie") if c.startswith("waypost=")] == []
    portal.clock.passed += timedelta(seconds=31)
    assert late.get(ACCOUNT).status_code == 303
    assert bob.get(ACCOUNT).status_code == 200


def test_of_many_requests_at_once_one_gets_the_new_token_and_all_are_answered(portal: Portal) -> None:
    bob = portal.browser(BOB)
    before = cookie_of(bob)
    make(portal, BOB, Role.ADMIN)

    def ask(_: int) -> tuple[int, bool]:
        late = portal.browser()
        late.client.set_cookie("waypost", before, domain="127.0.0.1")
        answer = late.get(ACCOUNT)
        return answer.status_code, any(c.startswith("waypost=") for c in answer.headers.getlist("Set-Cookie"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [status for status, _ in answers] == [200] * 8
    assert sum(has_new for _, has_new in answers) == 1


def test_changing_the_password_ends_all_other_sign_ins_and_tells_the_person(portal: Portal, alice: Browser) -> None:
    other, before = portal.browser(ALICE), cookie_of(alice)
    new = "other words in another row"
    fields = {"current_password": PASSWORD, "new_password": new, "again": new}
    assert alice.post(f"{ACCOUNT}/password", fields).status_code == 303
    assert "Your password is changed." in words_of(alice.get(ACCOUNT))
    assert cookie_of(alice) != before
    assert other.get(ACCOUNT).status_code == 303
    assert portal.browser().sign_in(ALICE, PASSWORD).status_code == 422
    assert portal.browser().sign_in(ALICE, new).status_code == 303
    assert audited(portal, "user.password_changed") == 1


def test_a_new_password_makes_a_stolen_cookie_of_the_same_browser_worthless_at_once(
    portal: Portal, alice: Browser
) -> None:
    thief = portal.browser()
    thief.client.set_cookie("waypost", cookie_of(alice), domain="127.0.0.1")
    assert thief.get(ACCOUNT).status_code == 200
    new = "other words in another row"
    fields = {"current_password": PASSWORD, "new_password": new, "again": new}
    assert alice.post(f"{ACCOUNT}/password", fields).status_code == 303
    # Before Alice's browser asks for anything more: whoever came first would have got the new token.
    assert thief.get(ACCOUNT).status_code == 303
    assert alice.get(ACCOUNT).status_code == 200


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"current_password": "wrong"}, "This is not your current password."),
        ({"new_password": "short", "again": "short"}, "Use at least 10 characters"),
        ({"new_password": "password123", "again": "password123"}, "among the first that anybody would try"),
        ({"again": "other words in another roe"}, "This is not the same as above."),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_and_nothing_is_changed(
    portal: Portal, alice: Browser, changed: dict[str, str], sentence: str
) -> None:
    new = "other words in another row"
    answer = alice.post(
        f"{ACCOUNT}/password", {"current_password": PASSWORD, "new_password": new, "again": new} | changed
    )
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert new not in answer.text
    assert audited(portal, "user.password_changed") == 0
    assert portal.browser().sign_in(ALICE, PASSWORD).status_code == 303


def test_whoever_sits_at_a_browser_somebody_has_left_cannot_try_passwords_for_long(alice: Browser) -> None:
    new = "other words in another row"
    statuses = [
        alice.post(
            f"{ACCOUNT}/password", {"current_password": f"try {n}", "new_password": new, "again": new}
        ).status_code
        for n in range(11)
    ]
    assert statuses == [422] * 10 + [429]


def test_a_name_and_the_way_to_the_page_are_in_the_header(alice: Browser, charlie: Browser) -> None:
    assert 'href="/account"' in alice.get(ACCOUNT).text
    assert "Charlie" in words_of(charlie.get(ACCOUNT))
    assert CHARLIE in words_of(charlie.get(ACCOUNT))


@pytest.mark.peers
def test_on_postgresql_too_sign_ins_are_listed_rotated_and_ended(tmp_path: Path, postgresql_url: str) -> None:
    with served(tmp_path, database_url=postgresql_url) as portal:
        alice, other = portal.browser(ALICE), portal.browser(ALICE)
        before = cookie_of(alice)
        make(portal, ALICE, Role.ADMIN)
        assert "Sign out everywhere else" in words_of(alice.get(ACCOUNT))
        assert cookie_of(alice) != before
        assert alice.post(f"{ACCOUNT}/sign-ins/%00/end").status_code == 404
        assert alice.post(f"{ACCOUNT}/sign-ins/end-others").status_code == 303
        assert (alice.get(ACCOUNT).status_code, other.get(ACCOUNT).status_code) == (200, 303)
