"""Who did what: looked through, taken along, and harmless whatever somebody typed."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.pages import is_marked, mark
from tests.e2e.test_every_page import check

pytestmark = pytest.mark.e2e

HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "{{ request.user.password }}{% debug %}",
    "%(actor)s %s %",
    "\u202egro.elpmaxe@nna",
    "w" * 300,
    "a\u0301\u0308" * 40,
]
FILL = """
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import Actor, ledger_locked, record
domain = Domain.objects.get(name=%r).pk
with ledger_locked():
    for text in %r:
        who = Actor(None, text, "192.0.2.7")
        sides = {"before": {text: text, "comment": text}, "after": {"comment": [text, text]}}
        record(who, Verb.CHANGED, Noun.PERSON, text, domain=domain, **sides)
        record(who, Verb.ADDED, Noun.LINE, text, domain=domain)
"""


def entries(page):
    return page.locator("table.log tbody tr")


def test_hostile_text_is_shown_as_text(page, panel, domain):
    panel.shell(FILL % (domain, HOSTILE))
    for address in (f"/domains/{domain}/activity/", f"/activity/?domain={domain}"):
        page.goto(address)
        for text in HOSTILE:
            shown = entries(page).locator("bdi").get_by_text(text, exact=True)
            expect(shown.first).to_be_visible()
        assert "Activity" in page.title()
        assert page.locator("#activity img, #activity script").count() == 0
        check(page)


def test_what_turns_the_direction_of_writing_turns_nothing_but_itself(page, panel, domain):
    """The words after a name stand to the right of it, however the name is written."""
    panel.shell(FILL % (domain, HOSTILE[4:5]))
    page.goto(f"/domains/{domain}/activity/")
    sentence = page.locator("th.wide").filter(has_text="changed the rights of")
    who, to_whom, where = (
        sentence.locator("bdi").nth(number).bounding_box() for number in range(3)
    )
    assert who["x"] < to_whom["x"] < where["x"]


def test_the_filter_is_read_from_the_form_without_a_new_page(page, domain):
    page.goto("/activity/")
    mark(page)
    page.keyboard.press("f")
    page.keyboard.type(domain)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"system added the mailbox ada@{domain}")).to_be_visible()
    page.get_by_label("What was done").select_option("removed")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing matches this filter.")).to_be_visible()
    check(page, "nothing found")
    assert is_marked(page)
    assert f"domain={domain}" in page.url
    assert "verb=removed" in page.url
    page.reload()
    expect(page.get_by_role("textbox", name="Domain or")).to_have_value(domain)
    page.locator(".empty").get_by_role("link", name="Clear the filter").click()
    expect(page.get_by_role("textbox", name="Domain or")).to_have_value("")
    expect(entries(page)).to_have_count(50)


def test_days_in_the_wrong_order_are_told_at_the_field(page, domain):
    page.goto(f"/domains/{domain}/activity/")
    page.get_by_label("From day").fill("2026-11-28")
    page.get_by_label("To day").fill("2026-11-27")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("This day is before the first one.")).to_be_visible()
    expect(page.get_by_label("To day")).to_be_focused()
    check(page)
    page.get_by_label("To day").fill("2999-01-01")
    page.get_by_label("From day").fill("")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text(f"system added the mailbox ada@{domain}")).to_be_visible()


def test_the_filtered_list_is_taken_along_as_a_file(page, domain):
    page.goto(f"/activity/?domain={domain}&verb=added")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download all of this as CSV").click()
    text = started.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["target"] for row in rows] == [
        f"sales@{domain}",
        f"bob@{domain}",
        f"ada@{domain}",
        domain,
    ]


class TestWithoutJavaScript:
    """The same by links and the form."""

    @pytest.fixture
    def browser_context_args(self, browser_context_args):
        return {**browser_context_args, "java_script_enabled": False}

    @pytest.mark.usefixtures("quiet_domain")
    def test_the_filter_and_its_pages_work_by_the_form_alone(self, page):
        page.goto("/activity/")
        page.get_by_label("Person", exact=True).fill("sys")
        page.get_by_label("What was done").select_option("added")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url(re.compile("verb=added"))
        expect(entries(page)).to_have_count(50)
        page.get_by_role("link", name="Next").click()
        page.wait_for_url(re.compile("person=sys&verb=added&after="))
        expect(page.get_by_label("Person", exact=True)).to_have_value("sys")
        expect(entries(page)).to_have_count(50)
        page.get_by_role("link", name="Clear the filter").click()
        expect(page.get_by_label("Person", exact=True)).to_have_value("")
