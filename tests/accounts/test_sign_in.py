"""Signing in: by a link that works once, and by address and password."""

from __future__ import annotations

import logging
import re
import time
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread, current_thread
from threading import enumerate as enumerate_threads

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.urls import NoReverseMatch, reverse

from qmailpanel.accounts.models import SignInLink, User
from qmailpanel.accounts.services import (
    add_operator,
    find_link_user,
    make_sign_in_link,
    set_password,
    use_sign_in_link,
)
from qmailpanel.accounts.sessions import list_sessions
from tests.kit.passkeys import Key
from tests.kit.signing_in import enrol, kinds_of, type_password, with_password

PASSWORD = "correct horse battery staple"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer():
    return add_operator("new@example.org")


@pytest.fixture
def link(newcomer):
    return make_sign_in_link(newcomer)


def token_of(link):
    return link.partition("token=")[2]


def follow(client, link):
    return client.post(reverse("accounts:sign_in_by_link"), {"token": token_of(link)})


def signed_in_as(client):
    user = client.get(reverse("account_login")).wsgi_request.user
    return user.email if user.is_authenticated else None


def test_the_command_prints_a_link_that_signs_a_new_operator_in(capsys, anonymous):
    call_command("operator", "Boss@Example.org")
    printed = capsys.readouterr()
    follow(anonymous, printed.out.strip())
    assert signed_in_as(anonymous) == "boss@example.org"
    assert User.objects.get().is_operator
    assert "15 minutes" in printed.err


def test_the_command_finds_an_operator_whatever_the_case_of_the_letters(operator):
    assert add_operator("OPERATOR@example.org") == operator
    assert User.objects.count() == 1


def test_a_link_keeps_the_password_of_who_has_one(operator, anonymous):
    set_password(operator, PASSWORD)
    follow(anonymous, make_sign_in_link(add_operator(operator.email)))
    operator.refresh_from_db()
    assert operator.check_password(PASSWORD)


def test_whoever_made_the_account_of_a_new_operator_has_no_way_in(colleague, anonymous, capsys):
    set_password(colleague, PASSWORD)
    enrol(colleague)
    Key().belongs_to(colleague)
    open_session, idle_session = Client(), Client()
    for session in (open_session, idle_session):
        session.force_login(colleague)
    old_link = make_sign_in_link(colleague)
    call_command("operator", colleague.email)
    assert signed_in_as(open_session) is None
    assert list_sessions(User.objects.get(pk=colleague.pk)) == []
    assert not UserSession.objects.exists()
    assert follow(anonymous, old_link).status_code == 410
    type_password(anonymous, colleague.email, PASSWORD)
    assert signed_in_as(anonymous) is None
    assert kinds_of(colleague) == set()
    follow(anonymous, capsys.readouterr().out.strip())
    home = anonymous.get(reverse("domains:list"))
    assert home["Location"] == reverse("accounts:choose_password")


def test_an_operator_who_was_switched_off_comes_back_with_a_new_password(operator, anonymous):
    set_password(operator, PASSWORD)
    enrol(operator)
    User.objects.filter(pk=operator.pk).update(is_active=False)
    add_operator(operator.email)
    type_password(anonymous, operator.email, PASSWORD)
    assert signed_in_as(anonymous) is None
    assert kinds_of(operator) == set()


def test_looking_at_a_link_neither_signs_in_nor_uses_it_up(anonymous, link):
    for look in (anonymous.get, anonymous.head, anonymous.get):
        assert look(link).status_code == 200
    assert signed_in_as(anonymous) is None
    follow(anonymous, link)
    assert signed_in_as(anonymous) == "new@example.org"


def test_the_page_of_a_link_has_one_button_that_says_who(anonymous, link):
    page = anonymous.get(link).content.decode()
    buttons = re.findall(r"<button[^>]*>\s*([^<]*?)\s*</button>", page[page.index("<main") :])
    assert buttons == ["Sign in as new@example.org"]


def test_the_page_of_a_link_is_kept_by_no_cache(anonymous, link):
    assert "no-store" in anonymous.get(link)["Cache-Control"]


def test_a_link_works_once(anonymous, link):
    follow(anonymous, link)
    other = Client()
    answer = follow(other, link)
    assert answer.status_code == 410
    assert "manage.py operator" in answer.content.decode()
    assert signed_in_as(other) is None


def test_a_new_link_voids_the_older_ones(anonymous, newcomer, link):
    fresh = make_sign_in_link(newcomer)
    assert follow(anonymous, link).status_code == 410
    assert follow(anonymous, fresh).status_code == 302


def test_a_link_of_somebody_else_stays(anonymous, link, operator):
    make_sign_in_link(operator)
    assert follow(anonymous, link).status_code == 302


@pytest.mark.parametrize(("minutes", "works"), [(14, True), (15, False)])
def test_a_link_lives_for_15_minutes(newcomer, anonymous, minutes, works):
    with time_machine.travel(NOON, tick=False):
        link = make_sign_in_link(newcomer)
    with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
        follow(anonymous, link)
        assert (signed_in_as(anonymous) is not None) is works


def test_a_link_of_somebody_switched_off_does_not_work(anonymous, newcomer, link):
    User.objects.filter(pk=newcomer.pk).update(is_active=False)
    assert follow(anonymous, link).status_code == 410


@pytest.mark.parametrize("token", ["", "x", "\0", "é" * 300])
def test_a_made_up_token_is_a_link_that_is_used(anonymous, token):
    answer = anonymous.get(reverse("accounts:sign_in_by_link"), {"token": token})
    assert answer.status_code == 410


def test_the_token_stands_neither_in_the_database_nor_in_a_log(anonymous, link, caplog):
    caplog.set_level(logging.DEBUG)
    stored = str(list(SignInLink.objects.values()))
    anonymous.get(link)
    Client(enforce_csrf_checks=True).post(link, {"token": token_of(link)})
    follow(anonymous, link)
    anonymous.get(link)
    assert "Gone" in caplog.text
    said = "".join(r.getMessage() for r in caplog.records if r.name != "django.db.backends")
    assert token_of(link) not in stored + said


def test_signing_in_by_a_link_changes_the_session(anonymous, link):
    anonymous.get(link)
    session = anonymous.session
    session["planted"] = True
    session.save()
    before = session.session_key
    follow(anonymous, link)
    assert anonymous.session.session_key != before


def test_a_link_needs_the_form_of_its_own_page(link):
    strict = Client(enforce_csrf_checks=True)
    assert follow(strict, link).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_is_signed_in():
    token = token_of(make_sign_in_link(add_operator("new@example.org")))
    both, users = Barrier(2, timeout=20), []

    def meet(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "JOIN" in sql:
            both.wait()  # now both have found the link
        return answer

    def use():
        with connection.execute_wrapper(meet):
            users.append(use_sign_in_link(token))
        connections.close_all()

    threads = [Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(user is None for user in users) == [False, True]


def test_who_has_no_password_is_led_to_choose_one_and_cannot_go_elsewhere(anonymous, link):
    follow(anonymous, link)
    choose = reverse("accounts:choose_password")
    for page in ("/", reverse("domains:list"), reverse("account_change_password")):
        assert anonymous.get(page)["Location"] == choose
        assert anonymous.post(page)["Location"] == choose
    assert anonymous.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == choose


def test_who_has_no_password_may_come_again_by_a_new_link(anonymous, newcomer, link):
    follow(anonymous, link)
    assert follow(anonymous, make_sign_in_link(newcomer)).status_code == 302


def test_choosing_a_password_leads_home_and_keeps_the_person_signed_in(anonymous, newcomer, link):
    follow(anonymous, link)
    answer = anonymous.post(reverse("accounts:choose_password"), {"password": PASSWORD})
    newcomer.refresh_from_db()
    assert answer["Location"] == "/"
    assert signed_in_as(anonymous) == newcomer.email
    assert newcomer.check_password(PASSWORD)


@pytest.mark.parametrize("password", ["", "password1", "new@example.org", "12345678"])
def test_a_password_that_is_easy_to_guess_is_refused_at_the_field(
    anonymous, newcomer, link, password
):
    follow(anonymous, link)
    answer = anonymous.post(reverse("accounts:choose_password"), {"password": password})
    newcomer.refresh_from_db()
    assert answer.status_code == 422
    assert "id_password_error" in answer.content.decode()
    assert not newcomer.has_usable_password()


def test_who_signed_in_by_password_cannot_choose_another_without_knowing_it(operator, anonymous):
    set_password(operator, PASSWORD)
    anonymous.force_login(operator)
    anonymous.post(reverse("accounts:choose_password"), {"password": "another " + PASSWORD})
    operator.refresh_from_db()
    assert operator.check_password(PASSWORD)


@pytest.mark.parametrize(("minutes", "may"), [(4, True), (6, False)])
def test_who_forgot_the_password_and_came_by_a_link_may_choose_another_for_five_minutes(
    operator, anonymous, minutes, may
):
    set_password(operator, PASSWORD)
    with time_machine.travel(NOON, tick=False):
        follow(anonymous, make_sign_in_link(operator))
    with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
        anonymous.post(reverse("account_change_password"), {"password": "another " + PASSWORD})
    operator.refresh_from_db()
    assert operator.check_password("another " + PASSWORD) is may


def test_signing_in_by_address_and_password(operator, anonymous):
    set_password(operator, PASSWORD)
    entry = {"login": "Operator@Example.org", "password": PASSWORD}
    assert anonymous.post(reverse("account_login"), entry)["Location"] == "/"
    assert signed_in_as(anonymous) == operator.email


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(operator, anonymous):
    set_password(operator, PASSWORD)

    def answer_to(address):
        page = anonymous.post(reverse("account_login"), {"login": address, "password": "wrong"})
        text = re.sub(r'value="[^"]*"', "", page.content.decode())
        return page.status_code, text.replace(address, "")

    assert answer_to(operator.email) == answer_to("nobody@example.org")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, ["Enter your e-mail address.", "Enter your password."]),
        ({"login": "me"}, ["That is not a whole address. Write name@example.org."]),
        (
            {"login": "a@b.test", "password": "x"},
            ["Address and password do not go together."],
        ),
    ],
)
def test_the_sign_in_page_speaks_as_the_panel_does(anonymous, entry, said):
    page = anonymous.post(reverse("account_login"), {"login": "", "password": "", **entry})
    words = page.content.decode()
    for sentence in said:
        assert sentence in words
    assert ">E-mail address</label>" in words
    assert "placeholder" not in words
    assert words.rindex('class="error') < words.index("Forgot your password?")


def test_guessing_is_stopped_after_a_few_tries(operator, anonymous):
    set_password(operator, PASSWORD)
    login = reverse("account_login")
    for _ in range(5):
        anonymous.post(login, {"login": operator.email, "password": "wrong"})
    last = anonymous.post(login, {"login": operator.email, "password": PASSWORD})
    assert "Too many failed tries. Try again in five minutes." in last.content.decode()
    assert signed_in_as(anonymous) is None


def test_who_has_no_password_cannot_sign_in_with_an_empty_or_any_other(newcomer, anonymous):
    for password in ("", "!", newcomer.password):
        anonymous.post(reverse("account_login"), {"login": newcomer.email, "password": password})
    assert signed_in_as(anonymous) is None


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_set_password"])
def test_nobody_signs_up(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


def ask_for_reset(client, email, **options):
    """The answer, after the message that is sent beside it."""
    answer = client.post(reverse("account_reset_password"), {"email": email}, **options)
    for thread in enumerate_threads():
        if thread is not current_thread() and thread.name.endswith("(_send)"):
            thread.join()
    return answer


def test_a_forgotten_password_is_reset_by_mail(colleague, anonymous):
    ask_for_reset(anonymous, colleague.email)
    (message,) = mail.outbox
    (path,) = re.findall(r"http://[^/]*(/password/reset/\S+)", str(message.body))
    page = anonymous.get(path, follow=True)
    entry = {"password1": PASSWORD, "password2": PASSWORD}
    anonymous.post(page.wsgi_request.path, entry)
    colleague.refresh_from_db()
    assert colleague.check_password(PASSWORD)


def test_asking_for_a_reset_tells_nobody_who_exists(colleague, operator, anonymous):
    asked = [colleague.email, operator.email, "nobody@example.org"]
    answers = [ask_for_reset(anonymous, email) for email in asked]
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert [message.to for message in mail.outbox] == [[colleague.email]]


def test_a_mail_server_that_is_down_tells_nobody_who_exists(colleague, anonymous, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    answer = ask_for_reset(anonymous, colleague.email)
    assert answer["Location"] == reverse("account_reset_password_done")


def test_a_slow_mail_server_tells_nobody_who_exists(colleague, anonymous, settings):
    settings.EMAIL_BACKEND = f"{__name__}.SlowBackend"
    began = time.monotonic()
    anonymous.post(reverse("account_reset_password"), {"email": colleague.email})
    assert time.monotonic() - began < SlowBackend.DELAY
    ask_for_reset(anonymous, "nobody@example.org")


class SlowBackend(EmailBackend):
    """A mail server that thinks about it."""

    DELAY = 2.0

    def send_messages(self, messages):
        time.sleep(self.DELAY)
        return super().send_messages(messages)


def test_an_operator_is_told_by_the_page_where_to_ask(anonymous):
    page = anonymous.get(reverse("account_reset_password")).content.decode()
    assert "./manage.py operator" in page


def test_a_link_that_was_mailed_before_its_person_became_an_operator_works_no_more(
    colleague, anonymous
):
    ask_for_reset(anonymous, colleague.email)
    (path,) = re.findall(r"http://[^/]*(/password/reset/\S+)", str(mail.outbox[0].body))
    add_operator(colleague.email)
    assert "used or too old" in anonymous.get(path, follow=True).content.decode()


@pytest.mark.parametrize(("minutes", "works"), [(59, True), (61, False)])
def test_a_mailed_link_lives_for_an_hour(colleague, anonymous, minutes, works):
    with time_machine.travel(NOON, tick=False):
        ask_for_reset(anonymous, colleague.email)
    (path,) = re.findall(r"http://[^/]*(/password/reset/\S+)", str(mail.outbox[0].body))
    with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
        page = anonymous.get(path, follow=True).content.decode()
    assert ("used or too old" not in page) is works


def test_a_reset_does_not_get_round_the_second_factor(colleague, anonymous):
    enrol(colleague)
    ask_for_reset(anonymous, colleague.email)
    (path,) = re.findall(r"http://[^/]*(/password/reset/\S+)", str(mail.outbox[0].body))
    page = anonymous.get(path, follow=True)
    anonymous.post(page.wsgi_request.path, {"password1": PASSWORD, "password2": PASSWORD})
    assert signed_in_as(anonymous) is None
    entry = {"login": colleague.email, "password": PASSWORD}
    answer = anonymous.post(reverse("account_login"), entry)
    assert answer["Location"] == reverse("mfa_authenticate")
    assert signed_in_as(anonymous) is None


@pytest.mark.parametrize("forged", [{"host": "evil.example"}, {"x-forwarded-host": "evil.example"}])
def test_a_forged_host_is_refused_or_stands_in_no_mail(colleague, anonymous, forged):
    answer = ask_for_reset(anonymous, colleague.email, headers=forged)
    assert answer.status_code == 400 or len(mail.outbox) == 1
    for message in mail.outbox:
        assert "http://localhost:8025/password/reset/" in message.body
        assert "evil" not in f"{message.subject} {message.body}"


def test_a_signed_out_person_is_led_back_to_the_page_they_wanted(anonymous):
    wanted = reverse("account_change_password")
    assert anonymous.get(wanted)["Location"] == f"{reverse('account_login')}?next={wanted}"


@pytest.mark.parametrize(
    ("sent_from", "back"),
    [
        ("http://testserver/domains/pandle.net/settings/?x=1", "/domains/pandle.net/settings/"),
        ("http://evil.example/domains/", "/"),
        ("http://testserver", "/"),
        ("", "/"),
    ],
)
def test_who_was_signed_out_meanwhile_is_led_back_to_the_page_of_the_form(
    anonymous, sent_from, back
):
    headers = {"Referer": sent_from} if sent_from else {}
    answer = anonymous.post(reverse("account_change_password"), headers=headers)
    assert answer["Location"] == f"{reverse('account_login')}?next={back}"


def test_a_signed_out_fragment_leads_the_window_and_not_the_cell(anonymous):
    htmx = {"HX-Request": "true", "HX-Current-URL": "http://testserver/domains/"}
    answer = anonymous.get(reverse("account_change_password"), headers=htmx)
    assert answer["HX-Redirect"] == f"{reverse('account_login')}?next=/domains/"
    assert answer.content == b""


def test_a_page_on_another_host_is_nowhere_to_be_led_back_to(anonymous):
    htmx = {"HX-Request": "true", "HX-Current-URL": "http://evil.example/domains/"}
    answer = anonymous.get(reverse("account_change_password"), headers=htmx)
    assert answer["HX-Redirect"] == f"{reverse('account_login')}?next=/"


def test_a_signed_out_form_is_not_sent_again_by_the_way_back(anonymous):
    answer = anonymous.post(reverse("account_change_password"))
    assert answer["Location"] == f"{reverse('account_login')}?next=/"


def test_a_password_is_stored_as_argon2(newcomer):
    set_password(newcomer, PASSWORD)
    assert newcomer.password.startswith("argon2$argon2id$")


def test_finding_who_a_link_is_for_takes_one_query(newcomer, link, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert find_link_user(token_of(link)) == newcomer


def test_pages_carry_a_policy_without_inline_script_or_style(anonymous):
    policy = anonymous.get(reverse("account_login"))["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_database_is_asked_under_its_own_rules():
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            asked = {
                name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "foreign_keys", "synchronous")
            }
        is_on_disk = 2  # FULL: a commit is on disk
        assert asked == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": is_on_disk}


@pytest.mark.parametrize("place", ["http://127.0.0.1/x", "http://localhost/x", "//evil.example/"])
def test_nobody_is_led_to_another_site_after_signing_in(place, operator):
    with_password(operator)
    browser = Client()
    data = {"login": operator.email, "password": PASSWORD, "next": place}
    assert browser.post("/sign-in/", data)["Location"] == "/"
