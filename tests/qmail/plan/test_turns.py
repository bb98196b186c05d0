"""Whatever mail comes to next turns first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.plan.steps import RemoveFile, WriteFile
from tests.kit.worlds import World, begin, is_delivered, plan_for, settle, want

OLD, SIDE = "old@side.test", "x@side.test"


def rows(
    aliases: Mapping[str, str], unknown: str = OLD, boxes: Mapping[str, str] | None = None
) -> DomainRows:
    """Each alias, mailbox and unknown recipient forwards to that address."""
    return DomainRows(
        domain=1,
        name="a.test",
        prepend=100,
        change=1,
        unknown="forward",
        unknown_target=unknown,
        aliases=[AliasRow(i, name, (to, SIDE)) for i, (name, to) in enumerate(aliases.items())],
        mailboxes=[
            MailboxRow(50 + i, 50 + i, name, destinations=(to,))
            for i, (name, to) in enumerate((boxes or {}).items())
        ],
    )


def turned(before: DomainRows, after: DomainRows) -> list[str]:
    """What turns below the domain's directory, in order."""
    world = World()
    settle(world, want([before]))
    steps = plan_for(world, want([after])).steps
    paths = [step.path for step in steps if isinstance(step, WriteFile | RemoveFile)]
    return [path.removeprefix("a.test/") for path in paths]


def test_an_alias_turns_after_the_one_that_it_leads_to() -> None:
    before = rows({"ann": OLD, "bob": OLD, "jane.roe": OLD})
    after = rows({"ann": "Jane.Roe@a.test", "bob": "ann@a.test", "jane.roe": "new@side.test"})
    assert turned(before, after) == [".qmail-jane:roe", ".qmail-ann", ".qmail-bob"]


def test_a_mailbox_turns_after_the_one_that_it_leads_to() -> None:
    before = rows({}, boxes={"ann": OLD, "bob": OLD})
    after = rows({}, boxes={"ann": "bob@a.test", "bob": "new@side.test"})
    assert turned(before, after) == ["bob/.qmail", "ann/.qmail"]


def test_an_alias_turns_after_unknown_recipients_to_whom_it_leads() -> None:
    before = rows({"ann": OLD})
    after = rows({"ann": "nobody@a.test"}, unknown="new@side.test")
    assert turned(before, after) == [".qmail-default", ".qmail-ann"]


def test_unknown_recipients_turn_after_a_new_alias_whose_mail_they_caught() -> None:
    before = rows({"ann": OLD})
    after = rows({"ann": OLD, "new": "n@side.test"}, unknown="new@side.test")
    assert turned(before, after) == [".qmail-new", ".qmail-default"]


def test_a_file_goes_after_unknown_recipients_who_get_its_mail_have_turned() -> None:
    after = rows({}, unknown="new@side.test")
    assert turned(rows({"ann": OLD}), after) == [".qmail-default", ".qmail-ann"]


def test_what_nothing_leads_to_turns_in_the_order_of_names() -> None:
    before = rows({"bob": OLD, "ann": OLD})
    after = rows({"bob": "b@side.test", "ann": "a@side.test"})
    assert turned(before, after) == [".qmail-ann", ".qmail-bob"]


def test_a_name_that_falls_to_the_one_above_goes_before_its_domain_refuses() -> None:
    above = replace(rows({}), name="up.test", subdomains=True, unknown="discard", unknown_target="")
    below = replace(above, domain=2, name="b.test", prepend=101, alias_domains=("shop.up.test",))
    world = World()
    settle(world, want([above, below]))
    after = [above, replace(below, alias_domains=(), unknown="bounce")]
    for step in begin(world, want(after)).steps:
        world.apply(step)
        assert is_delivered(world.route("nobody", "shop.up.test")), step
    assert not is_delivered(world.route("nobody", "b.test"))


def test_who_goes_and_led_to_a_name_that_goes_is_caught_before_that_falls() -> None:
    up = replace(rows({}), name="up.test", subdomains=True, unknown="bounce", unknown_target="")
    shop = replace(
        up,
        domain=2,
        name="b.test",
        prepend=101,
        alias_domains=("shop.up.test",),
        subdomains=False,
        unknown="discard",
    )
    ann = MailboxRow(70, 70, "ann", destinations=("x@shop.up.test",), keeps=False)
    here = replace(shop, domain=3, name="a.test", prepend=102, alias_domains=(), mailboxes=[ann])
    world = World()
    settle(world, want([up, shop, here]))
    gone = replace(here, mailboxes=[replace(ann, removed=True)])
    for step in begin(world, want([up, replace(shop, alias_domains=()), gone])).steps:
        world.apply(step)
        assert world.reaches("ann", "a.test"), step
    assert not world.reaches("x", "shop.up.test")
