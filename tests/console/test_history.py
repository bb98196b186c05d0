"""Generations of the shared files: kept, compared, gone back to."""

from __future__ import annotations

import itertools
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias
from qmailpanel.console import going_back as way_back
from qmailpanel.console.going_back import find_way_back, go_back
from qmailpanel.domains.models import Domain
from qmailpanel.domains.names.leaving import serve_elsewhere
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.services import remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.statuses import Status
from qmailpanel.sync import generations as generations_module
from qmailpanel.sync.generations import (
    Generations,
    _read_pieces,
    describe_difference,
    find_common,
    read_generation,
)
from qmailpanel.sync.models import Generation
from tests.kit.panels import Panel


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    panel.add_mailbox(domain, "bob")
    panel.add_alias(domain, "info", "ann@pandle.net")
    panel.sync()
    return domain


def generations(file: str = "users/assign") -> list[Generation]:
    return list(Generation.objects.filter(file=file).order_by("number"))


def step_back(panel: Panel, to: Generation) -> list[str]:
    """Go back and sync. Returns what the page would say is done."""
    way = find_way_back(to, generations(to.file)[-1])
    go_back(SYSTEM, way)
    panel.sync()
    return [str(offer) for offer in way.offers]


def lines(generation: Generation) -> list[bytes]:
    return sorted(read_generation(generation).splitlines())


def test_what_a_run_wrote_before_it_broke_off_is_in_the_history(panel, pandle, settings) -> None:
    before = generations("control/virtualdomains")[-1]
    settings.QMAILPANEL_HUP = "false"  # qmail-send cannot be told: the run ends there
    panel.add_domain("b.test")
    assert panel.sync().error
    settings.QMAILPANEL_HUP = "none"
    assert not panel.sync().error
    *_, newest = generations("control/virtualdomains")
    assert newest.number == before.number + 1
    assert lines(newest) == [b"b.test:101", b"old.test:7", b"pandle.net:100"]


# kept


def test_each_write_keeps_how_the_file_was_and_how_it_became(panel, pandle) -> None:
    before = panel.read("users/assign")
    panel.add_mailbox(pandle, "joe")
    panel.sync()
    first, *_, last_but_one, last = generations()
    assert read_generation(first) == b"=7-joe:joe:7:7:/home/joe:::\n.\n"
    assert read_generation(last_but_one) == before
    assert read_generation(last) == panel.read("users/assign")
    assert last.diff.startswith("+ =100-joe:popuser:110:31:")
    assert last.through == pandle.addresses.get(local="joe").change_id


def test_what_others_wrote_between_is_a_generation_of_its_own(panel, pandle) -> None:
    content = b"new.test\n" + panel.read("control/rcpthosts")
    panel.write("control/rcpthosts", content)
    panel.sync()
    panel.add_domain("b.test")
    panel.sync()
    found = generations("control/rcpthosts")
    assert [read_generation(one) for one in found][-2] == content
    assert (found[-2].through, found[-2].diff) == (0, "+ new.test")
    assert found[-1].diff == "+ b.test"


def test_only_so_many_are_kept(panel, settings) -> None:
    settings.QMAILPANEL_GENERATIONS = 3
    kept = Generations()
    for number in range(10):
        kept.keep("users/assign", b"%d\n" % number, b"%d\n" % (number + 1), number)
    assert [one.number for one in generations()] == [9, 10, 11]


TEXTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"cc\n", b"d", b"\n"]), max_size=12).map(b"".join)


@given(TEXTS, TEXTS, st.integers(1, 9))
def test_what_two_texts_have_in_common_is_whole_lines_and_overlaps_nowhere(
    one, other, at_once
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qmailpanel.sync.generations.AT_ONCE", at_once)
        head, tail = find_common(one, other)
    assert head + tail <= min(len(one), len(other))
    assert one[:head] == other[:head]
    assert one[len(one) - tail :] == other[len(other) - tail :]
    assert one[:head].endswith(b"\n") or not head
    assert one[head:].partition(b"\n")[:2] != other[head:].partition(b"\n")[:2] or (
        b"\n" not in one[head:]
    )
    assert not tail or other[: len(other) - tail].endswith(b"\n")


@pytest.mark.django_db
@settings_of_hypothesis(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.integers(1, 5), st.integers(1, 4), st.booleans())
def test_each_generation_that_is_kept_reads_as_it_was(
    settings, monkeypatch, texts, most, whole_each, is_one_process
) -> None:
    settings.QMAILPANEL_GENERATIONS = most
    monkeypatch.setattr(generations_module, "WHOLE_EACH", whole_each)
    Generation.objects.all().delete()
    kept, written = Generations(), list[bytes]()
    start, end = b"start\n" * 10, b"end\n" * 10
    for before, after in pairwise([start, *(start + text + end for text in texts)]):
        (kept if is_one_process else Generations()).keep("users/assign", before, after, 1)
        written += [before, after]
    written = [text for text, _same in groupby(written)]
    found = [read_generation(one) for one in generations()]
    assert all(len(piece) for one in generations() for piece in _read_pieces(one) if one.size)
    assert len(found) >= min(most, len(written))
    assert found == written[len(written) - len(found) :]


def test_what_others_append_while_no_service_runs_is_a_generation_of_its_own(db) -> None:
    Generations().keep("users/assign", b"", b"a\n", 1)
    Generations().keep("users/assign", b"a\nb\n", b"a\nb\nc\n", 2)
    texts = [read_generation(one) for one in generations()]
    assert texts == [b"", b"a\n", b"a\nb\n", b"a\nb\nc\n"]


def test_a_database_that_was_replaced_meanwhile_is_read_anew(db) -> None:
    kept = Generations()
    kept.keep("users/assign", b"a\n" * 50, b"a\n" * 50 + b"b\n", 1)
    Generation.objects.all().delete()
    Generations().keep("users/assign", b"x\n" * 50, b"x\n" * 50 + b"y\n", 1)
    kept.keep("users/assign", b"x\n" * 50 + b"y\n", b"x\n" * 50 + b"z\n", 2)
    assert [read_generation(one)[-2:] for one in generations()] == [b"x\n", b"y\n", b"z\n"]


def test_where_nothing_is_written_nothing_is_kept(panel, pandle) -> None:
    before = Generation.objects.count()
    panel.sync()
    assert Generation.objects.count() == before


def test_a_difference_names_lines_and_says_when_only_the_order_is_another() -> None:
    assert describe_difference(b"a\nb\n", b"b\nc\x1b\n") == "- a\n+ c\\x1b"
    assert describe_difference(b"a\nb\n", b"b\na\n") == "the same lines in another order"
    assert describe_difference(b"a\n", b"a\n") == ""


# gone back to


def test_back_to_before_removals_restores_them_with_their_mail(panel, pandle) -> None:
    mail = panel.below("pandle.net/ann/Maildir/new/1.mail")
    mail.write_text("hello")
    before = generations()[-1]
    for address in pandle.addresses.filter(local__in=["ann", "info"]):
        remove = remove_mailbox if address.kind == "mailbox" else remove_alias
        options = {"despite_pointers": True} if address.kind == "mailbox" else {}
        remove(SYSTEM, address, **options)
    panel.sync()
    assert not mail.exists()
    said = step_back(panel, before)
    assert said == ["ann@pandle.net is restored.", "info@pandle.net is restored."]
    assert mail.read_text() == "hello"
    assert lines(before) == sorted(panel.read("users/assign").splitlines())
    assert panel.status(pandle.addresses.get(local="ann")) is Status.LIVE


def test_back_to_before_additions_removes_what_was_made_since(panel, pandle) -> None:
    before = generations()[-1]
    panel.add_mailbox(pandle, "joe")
    panel.sync()
    assert step_back(panel, before) == ["joe@pandle.net is removed; the mail in it is kept."]
    assert lines(before) == sorted(panel.read("users/assign").splitlines())


def test_back_to_another_home_changes_the_aliass_destination(panel, pandle) -> None:
    before = generations()[-1]
    info = pandle.addresses.get(local="info")
    change_alias(SYSTEM, info, destinations=[MailAddress("bob@pandle.net")])
    panel.sync()
    assert step_back(panel, before) == ["info@pandle.net delivers to ann@pandle.net."]
    assert panel.answer("=100-info") == panel.answer("=100-ann")


def test_an_address_of_before_that_got_its_line_since_is_not_removed(panel, pandle) -> None:
    both = [MailAddress("ann@pandle.net"), MailAddress("bob@pandle.net")]
    info = pandle.addresses.get(local="info")
    change_alias(SYSTEM, info, destinations=both)
    panel.sync()
    before = generations()[-1]
    change_alias(SYSTEM, info, destinations=both[:1])
    panel.sync()
    way = find_way_back(before, generations()[-1])
    assert way.offers == []
    assert way.unmatched[0].startswith(b"=100-info:")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("control/virtualdomains", "elsewhere"),  # what is off or refuses keeps its line there
        *itertools.product(["control/rcpthosts", "users/assign"], ["off", "remove"]),
    ],
)
def test_back_to_when_a_domain_was_served_serves_it_again(panel, pandle, file, change) -> None:
    before = generations(file)[-1]
    if change == "off":
        switch_domain(SYSTEM, pandle, on=False)
    else:
        remove_domain(SYSTEM, pandle)
    if change == "elsewhere":
        serve_elsewhere(SYSTEM, pandle)
    panel.sync()
    [said] = step_back(panel, before)
    assert said.startswith("pandle.net is ")
    assert lines(before) == sorted(panel.read(file).splitlines())
    assert panel.status_of_domain(pandle) is Status.LIVE


def test_back_to_before_an_alias_domain_drops_it_and_forth_brings_it(panel, pandle) -> None:
    before = generations("control/virtualdomains")[-1]
    add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    panel.sync()
    after = generations("control/virtualdomains")[-1]
    step_back(panel, before)
    refusing = ["old.test:7", "pandle.net:100", "pandle.org:100-.left"]
    assert panel.lines("control/virtualdomains") == refusing
    gone = generations("control/virtualdomains")[-1]
    step_back(panel, after)
    assert "pandle.org:100" in panel.lines("control/virtualdomains")
    step_back(panel, gone)
    assert panel.lines("control/virtualdomains") == refusing


def test_lines_of_others_are_named_and_stay(panel, pandle) -> None:
    before = generations()[-1]
    panel.write("users/assign", panel.read("users/assign").replace(b"=7-joe", b"=7-jim"))
    panel.add_mailbox(pandle, "joe")
    panel.sync()
    way = find_way_back(before, generations()[-1])
    assert sorted(way.unmatched) == [
        b"=7-jim:joe:7:7:/home/joe:::\n",
        b"=7-joe:joe:7:7:/home/joe:::\n",
    ]
    go_back(SYSTEM, way)
    panel.sync()
    assert panel.answer("=7-jim")


def test_too_much_at_once_is_refused(panel, pandle, monkeypatch) -> None:
    before = generations()[0]
    monkeypatch.setattr(way_back, "MOST", 2)
    with pytest.raises(Refused, match="smaller steps"):
        find_way_back(before, generations()[-1])


# the pages


def test_the_pages_of_the_history(as_operator: Any, domain: Domain) -> None:
    assert 'class="empty"' in as_operator.get("/sync/history/").content.decode()
    home = "=100-joe:popuser:110:31:/m/pandle.net/joe:::\n"
    Generations().keep("users/assign", b".\n", f"{home}<b>\n".encode(), 7)
    first, last = generations()
    page = as_operator.get("/sync/history/").content.decode()
    assert "up to change 7" in page
    assert "&lt;b&gt;" in page
    compared = as_operator.get(f"/sync/history/compare/?one={last.pk}&other={first.pk}")
    assert "+ =100-joe" in compared.content.decode()
    assert as_operator.get("/sync/history/compare/?one=x&other=0").status_code == 303


def test_the_operator_goes_back_from_what_was_shown_only(as_operator: Any, domain: Domain) -> None:
    line = f"={domain.prepend}-joe:popuser:110:31:/m/pandle.net/joe:::\n".encode()
    Generations().keep("users/assign", b".\n", b".\n", 1)
    joe = add_mailbox(SYSTEM, domain, LocalPart("joe"))
    Generations().keep("users/assign", b".\n", line + b".\n", 2)
    first, last = generations()
    page = as_operator.get(f"/sync/history/{first.pk}/back/").content.decode()
    assert "joe@pandle.net is removed; the mail in it is kept." in page
    broken = read_broken(page)
    for shown, status in ((first, 200), (last, 303)):
        posted = {"from": shown.pk, "broken": broken}
        answer = as_operator.post(f"/sync/history/{first.pk}/back/", posted)
        assert answer.status_code == status
    joe.refresh_from_db()
    assert joe.removed


def test_lines_of_a_removal_that_was_being_made_are_not_said_to_be_others(
    as_operator: Any, domain: Domain
) -> None:
    """The refusing lines come and go while a domain leaves: no row leads to them."""
    left = f"+{domain.prepend}-:popuser:110:31:/m/.left-{domain.prepend}:-::\n".encode()
    Generations().keep("users/assign", b".\n", b".\n", 1)
    Generations().keep("users/assign", b".\n", left + b".\n", 2)
    Generations().keep("users/assign", left + b".\n", b".\n", 0)
    _, middle, last = generations()
    page = as_operator.get(f"/sync/history/{middle.pk}/back/").content.decode()
    assert left.decode().strip() in page
    assert "or belong to a change that was still being made" in page
    assert "There is nothing to change" in page
    assert "as others left it" in as_operator.get("/sync/history/").content.decode()
    assert "up to change 0" not in as_operator.get("/sync/history/").content.decode()
    assert last.through == 0


def read_broken(page: str) -> str:
    """What the form says of who delivers to what goes."""
    return page.partition('name="broken" value="')[2].partition('"')[0]


def test_who_delivers_to_what_goes_is_named_before_it_goes(
    as_operator: Any, domain: Domain, other_domain: Domain
) -> None:
    line = f"={domain.prepend}-joe:popuser:110:31:/m/pandle.net/joe:::\n".encode()
    Generations().keep("users/assign", b".\n", b".\n", 1)
    joe = add_mailbox(SYSTEM, domain, LocalPart("joe"))
    Generations().keep("users/assign", b".\n", line + b".\n", 2)
    first, last = generations()
    where = f"/sync/history/{first.pk}/back/"
    before = read_broken(as_operator.get(where).content.decode())
    add_alias(SYSTEM, other_domain, AliasLocal("desk"), [MailAddress("Joe@pandle.net")])
    answer = as_operator.post(where, {"from": last.pk, "broken": before})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "These deliver to joe@pandle.net: desk@stranger.example." in page
    joe.refresh_from_db()
    assert not joe.removed
    posted = {"from": last.pk, "broken": read_broken(page)}
    assert as_operator.post(where, posted).status_code == 303
    joe.refresh_from_db()
    assert joe.removed


def test_what_goes_too_is_not_named_among_who_delivers_there(panel, pandle) -> None:
    before = generations()[-1]
    names = generations("control/virtualdomains")[-1]
    panel.add_mailbox(pandle, "joe")
    panel.add_alias(pandle, "jim", "joe@pandle.net")
    panel.add_alias(pandle, "team", "joe@pandle.net", "ann@pandle.net")
    add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    panel.add_alias(pandle, "far", "bob@pandle.org", "me@side.test")
    panel.sync()
    [broken] = find_way_back(before, generations()[-1]).broken
    assert broken.pointers == ["team@pandle.net"]
    [broken] = find_way_back(names, generations("control/virtualdomains")[-1]).broken
    assert broken.pointers == ["far@pandle.net"]


@pytest.mark.parametrize("page", ["", "compare/", "1/back/"])
def test_the_history_is_for_operators(as_colleague: Any, page: str) -> None:
    assert as_colleague.get(f"/sync/history/{page}").status_code == 404
