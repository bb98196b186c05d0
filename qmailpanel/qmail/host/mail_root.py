"""The mail root: what stands there, and the steps of a plan that change it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.formats.maildir import Limits
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import HostError, StepFailed
from qmailpanel.qmail.host.files import (
    DIRECTORY,
    TEMPORARY,
    Hand,
    has_text,
    last_name,
    link_at,
    look_at,
    opened,
    read_size,
    refuse_strangers,
)
from qmailpanel.qmail.host.purge import ARCHIVE, find_archived, purge_home
from qmailpanel.qmail.layout.home import DEPARTED_DATABASE
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Pause
from qmailpanel.qmail.plan.state import Bad, HomeFound, Section, Tree, Wanted
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    LimitHome,
    MakeDirectory,
    Move,
    PathStep,
    PlaceHome,
    PurgeHome,
    RemoveDirectory,
    RemoveFile,
    WriteFile,
)

_MAILDIR = ("Maildir", *(f"Maildir/{part}" for part in maildir.DIRECTORIES))


class MailRoot:
    """The directory where this host keeps mail. `owner` is None where we may not change owners."""

    def __init__(self, path: str, owner: MailUser | None) -> None:
        self.path = path
        self.hand = Hand(owner)

    # observe

    def observe(self, wanted: Wanted, applied: Sequence[Section]) -> Tree:
        """What stands where the domain's files and homes are wanted, were applied or shall go."""
        tree = self._observe_directory(wanted, applied)
        return replace(tree, archived=self._find_archived(wanted.purge)) if wanted.purge else tree

    def _find_archived(self, mailboxes: frozenset[int]) -> frozenset[int]:
        try:
            with opened(self.path) as root:
                return find_archived(root, mailboxes)
        except FileNotFoundError:
            return frozenset()

    def _observe_directory(self, wanted: Wanted, applied: Sequence[Section]) -> Tree:
        sections = [wanted.section, *applied]
        files = {path for section in sections for path in section.files}
        homes = {path for section in sections for path in section.homes} | set(wanted.archive)
        limited = {path for s in sections for path, home in s.homes.items() if any(home.limits)}
        try:
            with opened(self.path) as root, opened(wanted.name, root) as directory:
                tree = self._observe_inside(directory, files, homes, not wanted.section.files)
                return replace(tree, homes=_with_limits(directory, tree.homes, limited))
        except FileNotFoundError:
            return Tree()
        except OSError as error:
            return Tree(Bad(f"{error.strerror}: not a directory of ours"))

    def _observe_inside(
        self, directory: int, files: set[str], homes: set[str], is_last_look: bool
    ) -> Tree:
        found_files = {path: look_at(directory, last_name(path)) for path in files}
        found_homes = {path: self._observe_home(directory, last_name(path)) for path in homes}
        return Tree(
            directory=self.hand.is_ours(os.fstat(directory)),
            empty=is_last_look and all(map(_is_dropped, os.listdir(directory))),
            files={path: found for path, found in found_files.items() if found is not None},
            homes={path: found for path, found in found_homes.items() if found is not None},
        )

    def _observe_home(self, directory: int, name: str) -> HomeFound | Bad | None:
        try:
            fd = os.open(name, DIRECTORY, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Bad(f"{error.strerror}: not a directory of ours")
        try:
            whole = self.hand.is_ours(os.fstat(fd)) and self._has_maildir(fd)
            return HomeFound(look_at(fd, ".qmail") or None, whole)
        finally:
            os.close(fd)

    def _limit_home(self, path: str, limits: Limits) -> None:
        with self._parent(path) as (parent, name), opened(name, parent) as home:
            self._limit(home, limits)

    def _limit(self, home: int, limits: Limits) -> None:
        """Line 1 is another, the usage stays: without it what is there would not be counted."""
        with opened("Maildir", home) as inside:
            size = read_size(inside) or maildir.MaildirSize(usage=())
            if size.limits != limits:
                self.hand.put(inside, maildir.SIZE, size.limited_to(limits).render())

    def _has_maildir(self, home: int) -> bool:
        try:
            for name in _MAILDIR:
                if not self.hand.is_ours(os.stat(name, dir_fd=home, follow_symlinks=False)):
                    return False
            return has_text(home, "Maildir/maildirsize")
        except (FileNotFoundError, NotADirectoryError):
            return False

    # apply

    def apply(self, step: PathStep, pause: Pause = lambda: None) -> None:
        """Carry out one step. Raises StepFailed with the cause; nothing is half done then.

        A step that may take long calls `pause` now and then.
        """
        try:
            match step:
                case Move():
                    self._move(step)
                case MakeDirectory(path):
                    self._make_directory(path)
                case PlaceHome():
                    self._place_home(step)
                case LimitHome(path, limits):
                    self._limit_home(path, limits)
                case WriteFile(path, before, content):
                    self._write_file(path, before, content)
                case _:
                    self._take_away(step, pause)
        except OSError as error:
            raise StepFailed(f"{error.strerror} ({type(step).__name__})") from error

    def _take_away(
        self, step: RemoveFile | ArchiveHome | PurgeHome | RemoveDirectory, pause: Pause
    ) -> None:
        match step:
            case RemoveFile(path, before):
                self._remove_file(path, before)
            case ArchiveHome(path, mailbox):
                self._archive_home(path, mailbox)
            case PurgeHome(mailbox):
                with opened(self.path) as root:
                    for _ in purge_home(root, mailbox):
                        pause()
            case RemoveDirectory(path):
                self._remove_directory(path)

    def settle(self) -> None:
        """One syncfs for everything that was made."""
        try:
            with opened(self.path) as root:
                libc.syncfs(root)
        except OSError as error:
            raise HostError("The mail root could not be written to disk.", str(error)) from error

    def _move(self, move: Move) -> None:
        """What is missing is made anew, at its new place."""
        with contextlib.suppress(FileNotFoundError), self._parent(move.path) as (parent, name):
            to = last_name(move.to)
            if link_at(parent, name) != to:  # or a run that was cut came so far
                self._swap_names(parent, name, to)

    @staticmethod
    def _swap_names(parent: int, name: str, to: str) -> None:
        """In one step: a link that leads to itself is swapped with the directory it shall name."""
        if link_at(parent, to) in (to, name):
            os.unlink(to, dir_fd=parent)  # of a run that was cut, or of the move the other way
        os.close(os.open(name, DIRECTORY, dir_fd=parent))
        with contextlib.suppress(OSError):
            os.rmdir(to, dir_fd=parent)  # an empty directory is no obstacle
        os.symlink(to, to, dir_fd=parent)
        try:
            libc.exchange(parent, to, name)
        except OSError as error:
            os.unlink(to, dir_fd=parent)
            if error.errno != errno.EINVAL:
                raise
            libc.rename_new(parent, name, parent, to)  # a file system that cannot exchange
            os.symlink(to, name, dir_fd=parent)

    def is_moved(self, move: Move) -> bool:
        """Whether the link of a move stands at the old name. If not, nothing of it is left."""
        with contextlib.suppress(FileNotFoundError), self._parent(move.path) as (parent, name):
            to = last_name(move.to)
            if link_at(parent, name) == to:
                return True
            if link_at(parent, to) == to:
                os.unlink(to, dir_fd=parent)
        return False

    def drop_link(self, path: str) -> None:
        """Take away the link that a move left, if it is still one."""
        with contextlib.suppress(FileNotFoundError), self._parent(path) as (parent, name):
            if link_at(parent, name) is not None:
                os.unlink(name, dir_fd=parent)

    def _make_directory(self, path: str) -> None:
        os.makedirs(self.path, mode=0o755, exist_ok=True)  # the mail user must be able to enter
        with opened(self.path) as root:
            os.close(self.hand.ensure(root, path))

    def _place_home(self, step: PlaceHome) -> None:
        with self._parent(step.path) as (parent, name):
            is_new = step.dot_qmail is not None
            if is_new and (
                self._restore(step, parent, name) or self._make_home(step, parent, name)
            ):
                return
            home = self.hand.ensure(parent, name)
            try:
                self._fill_home(home, step.dot_qmail)
            finally:
                os.close(home)

    def _restore(self, step: PlaceHome, parent: int, name: str) -> bool:
        """Out of the archive, if it is there: as it shall be before anything points to it."""
        try:
            os.lstat(f"{self.path}/{ARCHIVE}/{step.mailbox}")  # quicker where there is none
            with opened(self.path) as root, opened(ARCHIVE, root) as archive:
                refuse_strangers(archive)
                with opened(str(step.mailbox), archive) as home:
                    self.hand.mend(home)
                    self._fill_home(home, step.dot_qmail)
                    self._limit(home, step.limits)
                libc.rename_new(archive, str(step.mailbox), parent, name)
        except (FileNotFoundError, FileExistsError):
            return False
        return True

    def _make_home(self, step: PlaceHome, parent: int, name: str) -> bool:
        """A new home, unless something has the name.

        It is handed over when it is whole: until then nobody else can enter, so within it names
        will do. One that was left half-way is mended by the next run.
        """
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            return False
        with opened(name, parent) as home:
            refuse_strangers(home)
            for directory in _MAILDIR:
                self.hand.create_directory(home, directory)
            self.hand.create(home, ".qmail", step.dot_qmail or b"")
            size = maildir.MaildirSize(*step.limits)
            self.hand.create(home, "Maildir/maildirsize", size.render())
            self.hand.own(home)
        return True

    def _fill_home(self, home: int, dot_qmail: bytes | None) -> None:
        inside = self.hand.ensure(home, "Maildir")
        try:
            for part in maildir.DIRECTORIES:
                os.close(self.hand.ensure(inside, part))
            if not has_text(inside, "maildirsize"):
                self.hand.put(inside, "maildirsize", maildir.UNCOUNTED)
        finally:
            os.close(inside)
        if dot_qmail is not None:
            self.hand.put(home, ".qmail", dot_qmail)

    def _write_file(self, path: str, before: bytes | None, content: bytes) -> None:
        with self._parent(path) as (parent, name):
            if look_at(parent, name) not in ((before,) if before else (None, b"")):
                raise StepFailed("somebody else wrote it meanwhile")
            self.hand.put(parent, name, content, durable=True)

    def _remove_file(self, path: str, before: bytes) -> None:
        with self._parent(path) as (parent, name):
            if look_at(parent, name) != before:
                raise StepFailed("somebody else wrote it meanwhile")
            os.unlink(name, dir_fd=parent)

    def _archive_home(self, path: str, mailbox: int) -> None:
        with opened(self.path) as root, self._archive(root) as archive:
            with self._parent(path) as (parent, name):
                os.close(os.open(name, DIRECTORY, dir_fd=parent))
                libc.rename_new(parent, name, archive, str(mailbox))
            os.fsync(archive)

    def _remove_directory(self, path: str) -> None:
        with contextlib.suppress(OSError), opened(self.path) as root:
            with contextlib.suppress(FileNotFoundError), opened(path, root) as directory:
                for name in filter(_is_dropped, os.listdir(directory)):
                    os.unlink(name, dir_fd=directory)
            os.rmdir(path, dir_fd=root)

    @contextlib.contextmanager
    def _archive(self, root: int) -> Iterator[int]:
        with contextlib.suppress(FileExistsError):
            os.mkdir(ARCHIVE, 0o700, dir_fd=root)
        with opened(ARCHIVE, root) as archive:
            refuse_strangers(archive)
            os.fchmod(archive, 0o700)
            yield archive

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory of `path`, entered name by name, and the last name."""
        *parts, name = path.split("/")
        with contextlib.ExitStack() as stack:
            fd = stack.enter_context(opened(self.path))
            for part in parts:
                fd = stack.enter_context(opened(part, fd))
            yield fd, name


def _is_dropped(name: str) -> bool:
    """What goes with the directory of a domain: a cut write, whom a responder answered."""
    return name == TEMPORARY or name.startswith(DEPARTED_DATABASE)


Homes = Mapping[str, HomeFound | Bad]


def _with_limits(directory: int, homes: Homes, limited: set[str]) -> Homes:
    """The limits of those that have one, or had."""
    return {
        path: _with_limit(directory, path, found)
        if path in limited and isinstance(found, HomeFound) and found.whole
        else found
        for path, found in homes.items()
    }


def _with_limit(directory: int, path: str, found: HomeFound) -> HomeFound:
    try:
        with opened(last_name(path), directory) as home, opened("Maildir", home) as inside:
            size = read_size(inside)
    except OSError:
        return replace(found, whole=False)
    return replace(found, limits=size.limits if size else None)
