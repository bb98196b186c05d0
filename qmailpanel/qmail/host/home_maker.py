"""A home with its Maildir: read, made, mended, limited and restored."""

from __future__ import annotations

import os
from dataclasses import replace

from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.formats.maildir import Limits
from qmailpanel.qmail.host.archive import entered_archive, is_archived, take_out
from qmailpanel.qmail.host.files import (
    Rights,
    create,
    entered,
    put,
    read_plain,
    refuse_strangers,
    say_no_directory,
    stat_text,
)
from qmailpanel.qmail.host.maker import Maker
from qmailpanel.qmail.plan.state import Bad, HomeFound
from qmailpanel.qmail.plan.steps import PlaceHome

MARK = ".home"  # says in a home, beside the Maildir, whose it is
_BLOCK = 4096  # a power cut leaves a new file of one block whole, or nothing of it
_MAILDIR = ("Maildir", *(f"Maildir/{part}" for part in maildir.DIRECTORIES))
_OF_MARK = Rights(0o600)  # programs of the mail user need not read it


class HomeMaker:
    """`root`: the path of the mail root."""

    def __init__(self, root: str, maker: Maker) -> None:
        self.root = root
        self.maker = maker

    # read

    def read_home(self, name: str, parent: int, *, limited: bool) -> HomeFound | Bad | None:
        """`limited`: with the limits that its maildirsize says."""
        try:
            with entered(name, parent) as home:
                return self._read_inside(home, limited=limited)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Bad(say_no_directory(error))

    def _read_inside(self, home: int, *, limited: bool) -> HomeFound:
        whole = self.maker.is_workable(os.fstat(home)) and self._has_maildir(home)
        dot_qmail, is_readable = self.maker.read(".qmail", home)
        mark = read_mark(home)
        found = HomeFound(dot_qmail or None, whole, is_readable=is_readable, mailbox=mark)
        if not (limited and whole):
            return found
        try:
            with entered(maildir.NAME, home) as inside:
                size = read_size(inside)
        except OSError:
            return replace(found, whole=False)
        return replace(found, limits=size.limits if size else None)

    def _has_maildir(self, home: int) -> bool:
        try:
            for name in _MAILDIR:
                status = os.stat(name, dir_fd=home, follow_symlinks=False)
                if not self.maker.is_workable(status):
                    return False
            size = stat_text("Maildir/maildirsize", home)
            return size is not None and self.maker.is_readable(size)
        except (FileNotFoundError, NotADirectoryError):
            return False

    # make

    def place(self, step: PlaceHome, name: str, parent: int) -> None:
        """A home as the step says: restored, new or mended."""
        is_new = step.dot_qmail is not None
        if is_new and (self._restore(step, name, parent) or self._make(step, name, parent)):
            return
        with self.maker.ensured(name, parent) as home:
            if not is_new and read_mark(home) not in (None, step.mailbox):
                _put_mark(home, step)  # a person decided so
            self._fill(home, step)

    def _restore(self, step: PlaceHome, name: str, parent: int) -> bool:
        """Out of the archive, if it is there."""
        if is_archived(parent, step.mailbox):
            return self._restore_from(parent, step, name, parent)
        if not is_archived(self.root, step.mailbox):
            return False
        with entered(self.root) as root:
            return self._restore_from(root, step, name, parent)

    def _restore_from(self, base: int, step: PlaceHome, name: str, parent: int) -> bool:
        """As it shall be before anything points to it."""
        try:
            with entered_archive(base) as archive:
                with entered(str(step.mailbox), archive) as home:
                    self.maker.mend(home)
                    self._fill(home, step)
                    self.limit(home, step.limits)
                take_out(archive, step.mailbox, parent, name)
        except (FileNotFoundError, FileExistsError):
            return False
        return True

    def _make(self, step: PlaceHome, name: str, parent: int) -> bool:
        """A new home, unless something has the name.

        It is handed over when it is whole: until then nobody else can enter, so within it names
        will do. One that was left half-way is mended by the next run.
        """
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            return False
        with entered(name, parent) as home:
            refuse_strangers(home)
            for directory in _MAILDIR:
                self.maker.create_directory(directory, home)
            self._create_file(".qmail", home, step.dot_qmail or b"")
            size = maildir.MaildirSize(*step.limits)
            self._create_file("Maildir/maildirsize", home, size.render())
            create(MARK, home, _render_mark(step), _OF_MARK, durable=False)
            self.maker.of_directory.give(home)
        return True

    def _create_file(self, name: str, home: int, content: bytes) -> None:
        create(name, home, content, self.maker.of_file, durable=len(content) > _BLOCK)

    def _fill(self, home: int, step: PlaceHome) -> None:
        if read_mark(home) is None:
            _put_mark(home, step)
        with self.maker.ensured(maildir.NAME, home) as inside:
            for part in maildir.DIRECTORIES:
                with self.maker.ensured(part, inside):
                    pass
            if stat_text(maildir.SIZE, inside):
                self.maker.mend_file(maildir.SIZE, inside)
            else:
                self.maker.put(maildir.SIZE, inside, maildir.UNCOUNTED)
        if step.dot_qmail is not None:
            is_large = len(step.dot_qmail) > _BLOCK
            self.maker.put(".qmail", home, step.dot_qmail, durable=is_large)

    def limit(self, home: int, limits: Limits) -> None:
        """Line 1 is another, the usage stays: without it what is there would not be counted."""
        with entered(maildir.NAME, home) as inside:
            size = read_size(inside)
            if size is None or size.limits != limits:
                counted = size or maildir.MaildirSize(usage=())
                text = counted.limited_to(limits).render()
                self.maker.put(maildir.SIZE, inside, text, durable=True)


def read_mark(home: int) -> int | None:
    """Whose home it is; None where it does not say."""
    content = read_plain(MARK, home)
    return parse_mark(content) if isinstance(content, bytes) else None


def parse_mark(content: bytes) -> int | None:
    """The number that a mark says."""
    try:
        return int(content)
    except ValueError:
        return None


def _put_mark(home: int, step: PlaceHome) -> None:
    put(MARK, home, _render_mark(step), _OF_MARK, durable=False)


def _render_mark(step: PlaceHome) -> bytes:
    return b"%d\n" % step.mailbox


def read_size(inside: int) -> maildir.MaildirSize | None:
    """None where there is no maildirsize that deliverquota would understand."""
    content = read_plain(maildir.SIZE, inside)
    try:
        return maildir.parse(content) if isinstance(content, bytes) else None
    except maildir.BadMaildirSize:
        return None
