"""Each service asks for its right, in its own transaction."""

from __future__ import annotations

import pytest

from qmailpanel.aliases.services import (
    add_alias,
    change_alias,
    remove_alias,
    restore_alias,
    switch_alias,
)
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.domains.access.rights import (
    ALL,
    HELPING,
    NONE,
    PRESETS,
    NotAllowed,
    Preset,
    Right,
    in_words,
    preset_of,
    rights_of,
)
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import (
    add_domain,
    change_domain,
    change_withheld,
    remove_domain,
    restore_domain,
    switch_domain,
)
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import COMMAND, SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.opening.app_passwords import add_app_password
from qmailpanel.mailboxes.opening.links import offer_link
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    change_quota,
    hold_mailbox,
    set_password,
    switch_mailbox,
)
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from tests.kit.live import make_live
from tests.kit.people import user_of
from tests.kit.signing_in import PASSWORD, type_password

HERE, OUTSIDE = MailAddress("biliards@pandle.net"), MailAddress("x@elsewhere.example")


@pytest.fixture
def rows(domain):
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    alias = add_alias(SYSTEM, domain, AliasLocal("bilardi"), [HERE])
    further = add_alias_domain(SYSTEM, domain, DomainName("further.example"))
    return {"domain": domain, "mailbox": mailbox, "alias": alias, "further": further}


def add_phone(actor, box):
    add_app_password(actor, box, name="phone", imap=True, pop3=False, sending=False)


def forward(actor, box, target="postmaster@pandle.net"):
    change_forwarding(actor, box, destinations=[MailAddress(target)], keeps=True)


def answer(actor, box):
    change_reply(actor, box, on=True, subject="Away", text="Back.", first=None, last=None, days=7)


def answer_for_departed(actor, domain):
    set_responder(actor, domain, subject="Gone", text="Left.", target="", days=7)


# service → the right that it needs; None: that of an operator
NEEDS = {
    "add a mailbox": ("addresses", lambda a, r: add_mailbox(a, r["domain"], LocalPart("new"))),
    "add an alias": (
        "addresses",
        lambda a, r: add_alias(a, r["domain"], AliasLocal("new"), [HERE]),
    ),
    "comment": ("addresses", lambda a, r: change_mailbox(a, r["mailbox"], comment="x")),
    "set a password": (
        "passwords",
        lambda a, r: set_password(a, r["mailbox"], password="seven lanterns"),
    ),
    "switch a mailbox": ("switching", lambda a, r: switch_mailbox(a, r["mailbox"], on=False)),
    "hold": ("switching", lambda a, r: hold_mailbox(a, r["mailbox"], on_hold=True)),
    "close": ("switching", lambda a, r: change_switches(a, r["mailbox"], imap=False)),
    "fill": ("quotas", lambda a, r: change_quota(a, r["mailbox"], quota=1)),
    "offer a link": ("passwords", lambda a, r: offer_link(a, r["mailbox"])),
    "add an app password": ("passwords", lambda a, r: add_phone(a, r["mailbox"])),
    "forward": ("addresses", lambda a, r: forward(a, r["mailbox"])),
    "answer": ("addresses", lambda a, r: answer(a, r["mailbox"])),
    "answer for the departed": ("unknown", lambda a, r: answer_for_departed(a, r["domain"])),
    "switch an alias": ("switching", lambda a, r: switch_alias(a, r["alias"], on=False)),
    "remove a mailbox": (
        "addresses",
        lambda a, r: remove_mailbox(a, r["mailbox"], despite_pointers=True),
    ),
    "restore a mailbox": ("addresses", lambda a, r: restore_mailbox(a, r["mailbox"])),
    "remove an alias": ("addresses", lambda a, r: remove_alias(a, r["alias"])),
    "restore an alias": ("addresses", lambda a, r: restore_alias(a, r["alias"])),
    "change an alias": (
        "addresses",
        lambda a, r: change_alias(
            a, r["alias"], destinations=[MailAddress("postmaster@pandle.net")]
        ),
    ),
    "rename": (
        "addresses",
        lambda a, r: rename_address(a, r["mailbox"], LocalPart("new"), keep=True),
    ),
    "describe": ("unknown", lambda a, r: change_domain(a, r["domain"], description="x")),
    "discard": ("unknown", lambda a, r: change_domain(a, r["domain"], unknown=Unknown.DISCARD)),
    "drop a name": ("names", lambda a, r: remove_alias_domain(a, r["further"])),
    "restore a name": ("names", lambda a, r: restore_alias_domain(a, r["further"])),
    "sub-domains": (None, lambda a, r: change_domain(a, r["domain"], subdomains=True)),
    "add a name": (None, lambda a, r: add_alias_domain(a, r["domain"], DomainName("b.example"))),
    "add a domain": (None, lambda a, _r: add_domain(a, DomainName("b.example"))),
    "switch a domain": (None, lambda a, r: switch_domain(a, r["domain"], on=False)),
    "remove a domain": (None, lambda a, r: remove_domain(a, r["domain"])),
    "restore a domain": (None, lambda a, r: restore_domain(a, r["domain"])),
    "rename a domain": (
        None,
        lambda a, r: rename_domain(a, r["domain"], DomainName("b.example"), keep=True),
    ),
    "limits": (
        None,
        lambda a, r: change_limits(a, r["domain"], mailboxes=1, aliases=1, destinations=1),
    ),
}


@pytest.mark.parametrize("what", NEEDS)
def test_a_service_refuses_whoever_lacks_its_right_and_changes_nothing(what, rows, person):
    right, service = NEEDS[what]
    others = [one.value for one in Right if one.value != right]
    before = Change.objects.count()
    with pytest.raises(NotAllowed):
        service(person(*others), rows)
    assert Change.objects.count() == before


@pytest.mark.parametrize("what", [what for what in NEEDS if NEEDS[what][0]])
def test_a_service_serves_whoever_has_its_right_and_no_other(what, rows, person):
    right, service = NEEDS[what]
    service(person(right), rows)


@pytest.mark.parametrize("what", NEEDS)
def test_a_service_serves_operators_and_the_command_line(what, rows, operator):
    _right, service = NEEDS[what]
    service(COMMAND, rows)


@pytest.mark.parametrize("what", NEEDS)
def test_rights_elsewhere_count_for_nothing(what, rows, person, other_domain):
    with pytest.raises(NotAllowed):
        NEEDS[what][1](person(*Right.values, of=other_domain), rows)


def test_who_was_switched_off_may_do_nothing(rows, person):
    actor = person(*Right.values)
    user = user_of(actor)
    user.is_active = False
    user.save()
    with pytest.raises(NotAllowed, match="no longer have an account"):
        switch_mailbox(actor, rows["mailbox"], on=False)


def test_a_refusal_names_what_is_missing_and_who_can_help(rows, person):
    with pytest.raises(NotAllowed) as refused:
        set_password(person("switching"), rows["mailbox"], password="seven lanterns")
    assert str(refused.value) == (
        "You may not reset passwords in pandle.net. "
        "Ask the operator of this host, or somebody who may grant it."
    )


# outside


def test_who_may_not_forward_outside_delivers_within_the_domains_of_their_own(
    rows, person, other_domain
):
    actor = person("addresses", email="two@example.org")
    person("addresses", email="two@example.org", of=other_domain)
    domain = rows["domain"]
    inside = [HERE, MailAddress("a@further.example"), MailAddress("b@stranger.example")]
    add_alias(actor, domain, AliasLocal("in"), inside)
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        add_alias(actor, domain, AliasLocal("out"), [*inside, OUTSIDE])
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        change_alias(actor, rows["alias"], destinations=[HERE, OUTSIDE])


def test_a_name_below_a_domain_of_their_own_is_not_outside(rows, person):
    actor, domain = person("addresses"), rows["domain"]
    change_domain(SYSTEM, domain, subdomains=True)
    below = MailAddress(f"box@mail.{domain.name}")
    add_alias(actor, domain, AliasLocal("in"), [below])
    add_domain(SYSTEM, below.domain)
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        add_alias(actor, domain, AliasLocal("out"), [below])


def test_a_destination_outside_that_was_there_may_stay(rows, person):
    change_alias(SYSTEM, rows["alias"], destinations=[HERE, OUTSIDE])
    change_alias(person("addresses"), rows["alias"], destinations=[OUTSIDE])


@pytest.fixture
def outside_box(rows):
    """A mailbox that forwards outside."""
    box = add_mailbox(SYSTEM, rows["domain"], LocalPart("outside"))
    return change_forwarding(SYSTEM, box, destinations=[OUTSIDE], keeps=True)


@pytest.mark.parametrize("local", [None, LocalPart("other")])
def test_what_delivers_outside_is_brought_back_only_by_that_right(rows, outside_box, person, local):
    remove_mailbox(SYSTEM, outside_box)
    make_live(rows["domain"])
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        restore_mailbox(person("addresses"), outside_box, local=local)
    restore_mailbox(person("addresses", "forwarding"), outside_box, local=local)


def test_whoever_removed_a_mailbox_that_forwards_outside_undoes_that_under_the_same_name_only(
    rows, outside_box, person
):
    actor = person("addresses")
    remove_mailbox(actor, outside_box)
    assert not restore_mailbox(actor, outside_box).removed
    remove_mailbox(actor, outside_box)
    make_live(rows["domain"])
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        restore_mailbox(actor, outside_box, local=LocalPart("other"))


@pytest.mark.parametrize("withheld", [[], ["forwarding"]])
def test_whoever_sets_a_password_may_do_what_the_owner_may_and_no_more(
    rows, person, anonymous, withheld
):
    change_withheld(SYSTEM, rows["domain"], withheld=withheld)
    set_password(person("passwords"), rows["mailbox"], password=PASSWORD)
    type_password(anonymous, str(rows["mailbox"]))
    sent = {"part": "forwarding", "destinations": OUTSIDE, "keeps": "on"}
    anonymous.post("/mailbox/mail/", sent)
    assert (targets_of(rows["mailbox"]) == [OUTSIDE]) is (not withheld)


def test_unknown_recipients_go_outside_only_by_that_right(rows, person):
    def forward(actor):
        change_domain(actor, rows["domain"], unknown=Unknown.FORWARD, unknown_target=OUTSIDE)

    with pytest.raises(NotAllowed):
        forward(person("unknown"))
    forward(person("unknown", "forwarding"))


# the addresses with which people sign in


@pytest.fixture
def boss(rows, operator):
    """The operator signs in with an address of pandle.net, which has a mailbox."""
    operator.email = "Boss@pandle.net"
    operator.save()
    rows["boss"] = add_mailbox(SYSTEM, rows["domain"], LocalPart("boss"))
    return rows


BEYOND = {
    "reset": lambda a, r: set_password(a, r["boss"], password="seven lanterns"),
    "add an app password": lambda a, r: add_phone(a, r["boss"]),
    "offer a link": lambda a, r: offer_link(a, r["boss"]),
    "forward": lambda a, r: forward(a, r["boss"]),
    "answer": lambda a, r: answer(a, r["boss"]),
    "switch off": lambda a, r: switch_mailbox(a, r["boss"], on=False),
    "hold": lambda a, r: hold_mailbox(a, r["boss"], on_hold=True),
    "close": lambda a, r: change_switches(a, r["boss"], imap=False),
    "fill": lambda a, r: change_quota(a, r["boss"], quota=1),
    "remove": lambda a, r: remove_mailbox(a, r["boss"], despite_pointers=True),
    "rename away": lambda a, r: rename_address(a, r["boss"], LocalPart("x"), keep=True),
}


@pytest.mark.parametrize("what", BEYOND)
def test_nobody_gets_at_the_mail_of_the_operators_sign_in_address(what, boss, person):
    actor = person(*Right.values)
    with pytest.raises(NotAllowed, match=r"signs in as Boss@pandle\.net"):
        BEYOND[what](actor, boss)


@pytest.mark.parametrize(
    "take",
    [
        lambda a, d: add_mailbox(a, d, LocalPart("chief")),
        lambda a, d: add_alias(a, d, AliasLocal("chief"), [HERE]),
        lambda a, d: change_domain(a, d, unknown=Unknown.MAILBOX, unknown_target="biliards"),
        lambda a, d: rename_address(
            a, d.addresses.get(local="bilardi"), LocalPart("chief"), keep=False
        ),
    ],
)
def test_an_operators_address_that_nobody_has_yet_is_not_taken(take, rows, person, operator):
    operator.email = "chief@further.example"
    operator.save()
    with pytest.raises(NotAllowed, match=r"more rights signs in"):
        take(person(*Right.values), rows["domain"])


def test_an_alias_of_somebody_with_more_rights_is_not_turned(rows, person):
    person(*Right.values, email="bilardi@pandle.net")
    with pytest.raises(NotAllowed):
        change_alias(person("addresses", "forwarding"), rows["alias"], destinations=[OUTSIDE])


def test_an_address_of_somebody_with_fewer_rights_is_like_any_other(rows, person):
    person("passwords", email="biliards@pandle.net")
    set_password(person("passwords", "switching"), rows["mailbox"], password="seven lanterns")


def test_everybody_sets_the_password_of_their_own_sign_in_address(rows, person):
    actor = person("passwords", email="biliards@pandle.net")
    set_password(actor, rows["mailbox"], password="seven lanterns")


# sets of rights


def test_presets_are_ordered_by_what_they_allow():
    sets = [PRESETS[preset] for preset in (Preset.HELP_DESK, Preset.MAILBOXES, Preset.FULL)]
    assert sets[0] < sets[1] < sets[2] == ALL


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_known_again(preset):
    assert preset_of(preset.rights) == preset
    assert preset_of(preset.rights ^ {Right.FORWARDING}) != preset


def test_rights_in_words_are_in_one_order():
    assert in_words(HELPING) == "reset passwords and switch addresses off and on"


def test_an_operator_has_all_rights(domain, operator):
    assert rights_of(operator, domain) == ALL


def test_others_have_those_of_their_grant_in_this_very_domain(domain, person, stranger):
    assert rights_of(user_of(person("names", "quotas")), domain) == {Right.NAMES, Right.QUOTAS}
    assert rights_of(stranger, domain) == NONE


@pytest.mark.parametrize("who", ["operator", "colleague"])
def test_whoever_is_switched_off_has_none(domain, who, request):
    user = request.getfixturevalue(who)
    user.is_active = False
    assert rights_of(user, domain) == NONE
