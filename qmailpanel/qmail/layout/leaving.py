"""What is left of what was removed: it refuses mail that still comes.

Of a removed domain, whoever has its name by then:

    virtualdomains                  pandle.net:100, as before, while that name refuses
    users/assign                    +100-:popuser:110:31:<mail root>/.left-100:-::
    .left-100/.qmail-default        refuses

Of a removed alias domain of a domain that is there:

    virtualdomains                  old.test:100-.left, so mail for bob is for 100-.left-bob
    pandle.net/.qmail-:left-default refuses

See qmail-send(8): mail in the queue keeps its local name, 100-bob, when the name is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qmailpanel.qmail.formats import control, dotqmail
from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.layout.declared import as_name, check_row
from qmailpanel.qmail.layout.lines import spell_names
from qmailpanel.qmail.layout.rendering import Rendering
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.names import DomainName, InvalidName, ReplyText
from qmailpanel.qmail.plan.state import Problem, Section, Wanted, empty_section, left_path

NOT_SERVED = ReplyText("This domain is no longer served here. (#5.1.2)")
UNWRITABLE_NAME = "An alias domain cannot be written for the mail server."


def render_left(rows: DomainRows, layout: Layout) -> Wanted:
    """What is left of a domain, apart from the domain itself: of one that is there, nothing.

    Raises InvalidName when its name or number cannot be rendered.
    """
    check_row(rows, beside=("alias_domains", "refused", "departed", "mailboxes", "aliases"))
    rendering = Rendering(layout, DomainName(rows.name), rows.prepend)
    names = read_names(rendering, rows.refused if rows.removed else ())
    refuses = bool(names) or (rows.removed and rows.leaving)
    return Wanted(
        domain=rows.domain,
        name=left_path(rows.prepend),
        change=rows.change,
        section=_render_left(rendering, rows, names) if refuses else empty_section(rows.prepend),
        known=None,
        known_as=(rows.name, *rows.former),
        problems=tuple(rendering.problems),
    )


def _render_left(rendering: Rendering, rows: DomainRows, names: Sequence[DomainName]) -> Section:
    path = left_path(rows.prepend)
    rendering.add_assignment("+", "", path, dash="-")
    spellings = spell_names(names, rows)
    virtual = [control.render_virtual(name, rows.prepend, below=below) for name, below in spellings]
    return Section(
        prepend=rows.prepend,
        lines={Shared.ASSIGN: rendering.assign, Shared.VIRTUAL: keyed(Shared.VIRTUAL, virtual)},
        files={f"{path}/{dotqmail.file_name('default')}": _refusal(rendering)},
        homes={},
    )


def render_refusal(rendering: Rendering) -> None:
    """The file of a domain that answers for removed names of it."""
    rendering.files[f"{rendering.name}/{dotqmail.LEFT_FILE}"] = _refusal(rendering)


def _refusal(rendering: Rendering) -> bytes:
    return dotqmail.render_bounce(rendering.layout.bouncesaying, NOT_SERVED)


def read_names(rendering: Rendering, texts: Iterable[object]) -> list[DomainName]:
    """Further names of the domain; one that is none is a problem of its own."""
    names = []
    for text in map(as_name, texts):
        try:
            names.append(DomainName(text))
        except InvalidName as error:
            rendering.problems.append(Problem(UNWRITABLE_NAME, str(error), name=text))
    return names
