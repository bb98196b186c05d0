"""Names: what is taken, what is folded, and what is refused with a sentence that helps."""

import copy
import pickle
import string

import email_validator
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.names import (
    AliasLocal,
    DomainName,
    InvalidName,
    LocalPart,
    MailAddress,
    MailUser,
    ReplyText,
    display_of,
    stored_of,
)

LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 56])  # of a domain of ours

INJECTIONS = [
    "a\n=100-x:root:0:0:/:::",
    "a\n",
    "a\r",
    "a\rb",
    "a\0b",
    "a:b",
    "|/bin/sh",
    "a|b",
    "a/b",
    "../etc",
    "a..b",
    "&a",
    "-a",
    "a b",
    "a\tb",
    "'a'",
    '"a"',
    "a\x7fb",
    "a\u2028b",
    "a\u202eb",
    "a,b",
    "<a>",
    "bücher",
    "ﬁ",
    "\N{KELVIN SIGN}",
    "\ud800",
    "a" * 65,
    "a" * 10_000,
    "",
    " ",
    ".",
    "..",
    ".a",
    "a.",
]


def test_a_local_part_is_folded_to_lower_case_and_freed_of_blanks_around_it():
    assert LocalPart(" Anna.Berg_2+x-y\t") == "anna.berg_2+x-y"


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_dangerous_local_part_is_refused(text):
    with pytest.raises(InvalidName):
        LocalPart(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter the part before the @."),
        ("anna@pandle.net", "Enter only the part before the @."),
        ("anna berg", "Write it without blanks, tabs and line breaks."),
        ("anna\n", "Write it without blanks, tabs and line breaks."),
        ("Jürgen", "ü cannot be used. Use letters a to z, digits and . _ + - only."),
        ("BØB", "Ø cannot be used. Use letters a to z, digits and . _ + - only."),
        ("jürgen", "ü cannot be used. Use letters a to z, digits and . _ + - only."),
        ("a\0", "U+0000 cannot be used. Use letters a to z, digits and . _ + - only."),
        ("-anna", "A name begins and ends with a letter or a digit."),
        ("anna.", "A name begins and ends with a letter or a digit."),
        ("anna..berg", "Two dots cannot follow each other."),
        ("a" * 65, "At most 64 characters are possible; this has 65."),
        ("ü" * 64, "ü cannot be used. Use letters a to z, digits and . _ + - only."),
    ],
)
def test_the_refusal_of_a_local_part_says_what_to_type(text, sentence):
    with pytest.raises(InvalidName, match=f"^{sentence.replace('.', '[.]').replace('+', '[+]')}$"):
        LocalPart(text)


def test_sixty_four_characters_are_a_local_part():
    assert len(LocalPart("a" * 64)) == 64


@pytest.mark.parametrize("text", ["default", "Default", "x-default", "list-owner"])
def test_names_that_qmail_local_reads_specially_are_no_alias(text):
    assert LocalPart(text)
    with pytest.raises(InvalidName, match="has a meaning of its own to qmail"):
        AliasLocal(text)


@pytest.mark.parametrize("text", ["owner", "defaults", "default-x", "ownership", "info"])
def test_names_that_only_resemble_them_are_an_alias(text):
    assert AliasLocal(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pandle.net", "pandle.net"),
        (" Pandle.NET. ", "pandle.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER。example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("3.com", "3.com"),
        ("ab--c.example", "ab--c.example"),
        (LONGEST, LONGEST),
        (f"{LONGEST}.", LONGEST),
    ],
)
def test_a_domain_name_is_stored_as_dns_has_it(text, name):
    assert DomainName(text) == name
    assert stored_of(text.strip(" .")) == name


def test_the_longest_address_has_254_characters():
    address = f"{'a' * 64}@{'.'.join(['b' * 63, 'c' * 63, 'd' * 61])}"
    assert len(address) == 254
    assert MailAddress(address) == address
    with pytest.raises(InvalidName, match="At most 254 characters are possible; this has 255"):
        MailAddress(f"{address}d")


def test_what_is_no_name_is_shown_and_stored_as_it_is():
    assert display_of("xn--bcher-kva.example") == "bücher.example"
    assert display_of("a_b.example") == "a_b.example"
    assert stored_of("bücher") == "xn--bcher-kva"
    assert stored_of("☃.example") == "☃.example"


def test_an_address_elsewhere_may_have_a_longer_domain_than_ours():
    name = ".".join(["b" * 63, "c" * 63, "d" * 63, "e" * 58])
    assert MailAddress(f"a@{name}").domain == name
    with pytest.raises(InvalidName):
        DomainName(name)


def test_a_domain_name_is_shown_with_u_labels():
    assert DomainName("xn--bcher-kva.example").display == "bücher.example"
    assert DomainName("pandle.net").display == "pandle.net"


@pytest.mark.parametrize("text", [f"{text}.net" for text in INJECTIONS if text.isascii()])
def test_a_dangerous_domain_name_is_refused(text):
    with pytest.raises(InvalidName):
        DomainName(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter a domain name"),
        (".", "Enter a domain name"),
        ("anna@pandle.net", "Enter only the part after the @"),
        ("pandle", "pandle is only one word"),
        ("192.168.1.11", "192.168.1.11 looks like an IP address"),
        ("a.1", "looks like an IP address"),
        ("[192.168.1.11]", "is not a domain name"),
        ("::1", "is not a domain name"),
        ("http://pandle.net/", "is not a domain name"),
        ("*.pandle.net", "is not a domain name"),
        (".pandle.net", "is not a domain name"),
        ("pandle..net", "is not a domain name"),
        ("pandle.net..", "is not a domain name"),
        ("pan_dle.net", "pan_dle.net is not a domain name. _ cannot be used."),
        ("pan dle.net", "pan dle.net is not a domain name. Write it without blanks."),
        ("I ♥ münchen.net", "Write it without blanks."),
        ("i♥münchen.net", "i♥münchen.net is not a domain name. ♥ cannot be used."),
        ("-pandle.net", "is not a domain name"),
        ("☃.net", "is not a domain name"),
        ("xn--a.net", "is not a domain name"),
        ("pandle.net\n", "pandle.net\N{REPLACEMENT CHARACTER} is not a domain name"),
        ("pandle.net\r", "is not a domain name"),
        ("pan\0dle.net", "is not a domain name"),
        ("pandle.net:100", "is not a domain name"),
        ("a" * 64 + ".net", "is not a domain name. At most 63 characters stand between two dots."),
        (".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 57]), "At most 248 characters"),
        ("a." * 127 + "net", "At most 248 characters"),
        ("ü" * 60 + "." + "ö" * 60 + ".net", "is not a domain name"),
    ],
)
def test_the_refusal_of_a_domain_name_says_why(text, says):
    with pytest.raises(InvalidName) as refused:
        DomainName(text)
    assert says in str(refused.value)


def test_a_destination_keeps_the_case_of_its_local_part_only():
    target = MailAddress(" Anna.Berg@BÜCHER.example ")
    assert target == "Anna.Berg@xn--bcher-kva.example"
    assert (target.local, target.domain) == ("Anna.Berg", "xn--bcher-kva.example")


ATEXT = f"{string.ascii_letters}{string.digits}!#$%&'*+-/=?^_`{{|}}~"  # RFC 5321, section 4.1.2


@pytest.mark.parametrize(
    "local",
    ["A+tag", "bounce=x=y", "_dmarc", "a~b", "o'brien", "r&d", "a/b", "a%b", f"a{ATEXT[-40:]}"],
)
def test_a_destination_takes_the_addresses_of_the_world(local):
    assert MailAddress(f"{local}@pandle.net").local == local


@given(st.text(ATEXT, min_size=1, max_size=64))
def test_whatever_signs_an_address_has_its_line_only_forwards(local):
    assume(local[0] not in "&|#-")
    target = MailAddress(f"{local}@pandle.net")
    assert dotqmail.parse(dotqmail.render_forwards([target])) == [dotqmail.Forward(target.encode())]


def test_the_domain_of_an_address_elsewhere_may_have_underscores():
    assert MailAddress("a@mail_host._x.example.org").domain == "mail_host._x.example.org"
    with pytest.raises(InvalidName):
        DomainName("mail_host.example.org")


@pytest.mark.parametrize("sign", ["&", "|", "#", "-"])
def test_a_sign_of_another_line_is_no_beginning_of_a_destination(sign):
    with pytest.raises(InvalidName) as refused:
        MailAddress(f"{sign}anna@pandle.net")
    assert str(refused.value) == f"Write the address alone, without the {sign} before it."


DANGEROUS = [text for text in INJECTIONS if not set(text) <= {*ATEXT} or len(text) > 64]


@pytest.mark.parametrize("text", [*DANGEROUS, "a@b", "a(b)", "a\\b", "a[b", "&a", "-a", "#a"])
def test_a_dangerous_destination_is_refused(text):
    with pytest.raises(InvalidName):
        MailAddress(f"{text}@pandle.net")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter an address, as name@example.org."),
        ("anna", "anna is not a whole address"),
        ("@pandle.net", "is not a whole address"),
        ("anna@", "Enter a domain name"),
        ("Anna <anna@pandle.net>", "without blanks"),
        ("<anna@pandle.net>", "< cannot be used. Write one plain address"),
        ("a@x.org, b@x.org", "@ cannot be used. Write one plain address"),
        ("a@x.org\nb@x.org", "@ cannot be used. Write one plain address"),
        ("a@x.org\r", "is not a domain name"),
        ("a@[1.2.3.4]", "is not a domain name"),
        ("o\\brien@x.org", "\\ cannot be used"),
        (".a@x.org", "no dot at its beginning or before the @"),
        ("a.@x.org", "no dot at its beginning or before the @"),
        ("a" * 64 + "@" + "b." * 95 + "net", "At most 254 characters"),
    ],
)
def test_the_refusal_of_a_destination_says_what_to_type(text, says):
    with pytest.raises(InvalidName) as refused:
        MailAddress(text)
    assert says in str(refused.value)


def test_a_reply_is_one_line_of_printable_text():
    assert ReplyText("  It's gone; try Jürgen's. (#5.1.1) ") == "It's gone; try Jürgen's. (#5.1.1)"
    assert len(ReplyText("x" * 200)) == 200
    assert ReplyText("\ufeff20\xa0€\tTür\xadrahmen \u200d") == "20\xa0€\tTür\xadrahmen \u200d"


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x" * 201),
        *("a\nb", "a\r", "a\0b", "a\x85b", "a\u2028b", "\ud800", "a\x1b[1m", "a\u202eb"),
    ],
)
def test_a_reply_of_several_lines_or_none_is_refused(text):
    with pytest.raises(InvalidName):
        ReplyText(text)


@pytest.mark.parametrize(
    ("text", "name"), [("a\x07b", "U+0007"), ("a\u202eb", "U+202E RIGHT-TO-LEFT OVERRIDE")]
)
def test_a_character_that_nobody_sees_is_named(text, name):
    with pytest.raises(InvalidName) as refusal:
        ReplyText(text)
    assert str(refusal.value) == f"The control character {name} cannot be used. Remove it."


def test_an_invisible_character_in_an_address_is_named():
    with pytest.raises(InvalidName, match=r"U\+200B ZERO WIDTH SPACE cannot be used"):
        LocalPart("jo\u200be")


def test_a_mail_user_is_parsed_from_three_fields():
    assert MailUser.parse("popuser:110:31") == MailUser("popuser", 110, 31)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("popuser", "is not a mail user"),
        ("", "is not a mail user"),
        ("root", "root is not a mail user"),
        ("popuser:110", "is not a mail user"),
        ("popuser:110:31:", "is not a mail user"),
        ("pop user:110:31", "is not a mail user"),
        ("popuser:-1:31", "is not a mail user"),
        ("popuser:١:31", "is not a mail user"),
        ("popuser:110:31\n", "is not a mail user"),
        ("root:0:31", "never delivered as root"),
        ("popuser:110:0", "never delivered as root"),
        ("popuser:110:4294967295", "never delivered as root"),
    ],
)
def test_a_mail_user_without_sense_or_with_root_is_refused(text, says):
    with pytest.raises(InvalidName, match=says):
        MailUser.parse(text)


def test_a_mail_user_cannot_be_built_as_root_either():
    with pytest.raises(InvalidName):
        MailUser("popuser", 110, 0)


def test_a_name_parsed_twice_stays_the_same_and_survives_copying():
    for name in [DomainName("bücher.example"), LocalPart("a"), MailAddress("A@x.org")]:
        assert type(name)(name) == name
        assert copy.deepcopy(name) == name
        assert type(pickle.loads(pickle.dumps(name))) is type(name)


def test_an_error_carries_its_template_for_translation():
    with pytest.raises(InvalidName) as refused:
        LocalPart("a" * 70)
    error = refused.value
    assert error.template == "At most %(most)d characters are possible; this has %(length)d."
    assert error.template % error.params == str(error)


@given(st.text() | st.from_regex(r"\A[ -~]{0,70}\Z"))
def test_any_text_is_a_safe_local_part_or_refused(text):
    try:
        local = LocalPart(text)
    except InvalidName as error:
        assert str(error).isprintable()
    else:
        assert set(local) <= set(string.ascii_lowercase + string.digits + "._+-")
        assert LocalPart(local) == local


@given(
    st.text()
    | st.from_regex(r"\A[a-zA-Z0-9.äß-]{0,70}\Z")
    | st.from_regex(r"\A(xn--)?[a-z0-9-]{1,12}\.(XN--)?[a-z0-9]{1,6}\Z")
)
def test_any_text_is_a_safe_domain_name_or_refused(text):
    try:
        name = DomainName(text)
    except InvalidName as error:
        assert str(error).isprintable()
    else:
        assert set(name) <= set(string.ascii_lowercase + string.digits + ".-")
        assert DomainName(name.display) == name


@given(st.text() | st.from_regex(r"\A[ -~]{1,20}@[a-z]{1,3}\.(org|net)\Z"))
def test_any_text_is_a_safe_destination_or_refused(text):
    try:
        target = MailAddress(text)
    except InvalidName as error:
        assert str(error).isprintable()
    else:
        assert set(target) <= {*ATEXT, *".@"}
        assert MailAddress(target) == target


@given(st.from_regex(r"\A[!-?A-Z^-~]{1,20}@[a-z]{1,9}\.(org|net)\Z"))
def test_every_destination_is_an_address_to_email_validator_too(text):
    try:
        target = MailAddress(text)
    except InvalidName:
        return
    email_validator.validate_email(target, check_deliverability=False)
