"""The mail root: what stands there, and the steps of a plan that change it."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.archive import archive_home
from qmailpanel.qmail.host.errors import HostError, StepFailed
from qmailpanel.qmail.host.files import (
    TEMPORARY,
    Rights,
    entered,
    read_plain,
    say_no_directory,
)
from qmailpanel.qmail.host.home_maker import HomeMaker
from qmailpanel.qmail.host.maker import Maker
from qmailpanel.qmail.host.mounts import find_mount_points
from qmailpanel.qmail.host.moved_directories import drop_link, is_moved, move_directory
from qmailpanel.qmail.host.purge import find_archived, purge_home
from qmailpanel.qmail.layout.home import DEPARTED_DATABASE
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Pause
from qmailpanel.qmail.plan.state import Bad, Section, Tree, Wanted
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


class MailRoot:
    """The directory where this host keeps mail. `owner` is None where we may not change owners."""

    def __init__(self, path: str, owner: MailUser | None) -> None:
        self.path = path
        self.owner = owner
        self.maker = Maker(owner)
        self.homes = HomeMaker(path, self.maker)

    # observe

    def observe(self, wanted: Wanted, applied: Sequence[Section]) -> Tree:
        """What stands where the domain's files and homes are wanted, were applied or shall go."""
        tree = self._observe_directory(wanted, applied)
        return replace(tree, archived=self._find_archived(wanted)) if wanted.purge else tree

    def find_locals(self, name: str) -> set[str]:
        """The local parts that a domain's directory has dot-qmail files of."""
        try:
            with entered(self.path) as root, entered(name, root) as directory:
                extensions = map(dotqmail.extension_of, os.listdir(directory))
                return {extension for extension in extensions if extension}
        except OSError:
            return set()

    def _find_archived(self, wanted: Wanted) -> frozenset[int]:
        try:
            with self._archive_bases(wanted.directory) as bases:
                return frozenset().union(*(find_archived(base, wanted.purge) for base in bases))
        except FileNotFoundError:
            return frozenset()

    def _observe_directory(self, wanted: Wanted, applied: Sequence[Section]) -> Tree:
        sections = [wanted.section, *applied]
        files = {path for section in sections for path in section.files}
        homes = dict.fromkeys(wanted.archive, False)  # by path: whether its limits count
        for section in sections:
            for path, home in section.homes.items():
                homes[path] = homes.get(path, False) or any(home.limits)
        try:
            with entered(self.path) as root, entered(wanted.name, root) as directory:
                is_last_look = not wanted.section.files and wanted.part is None
                tree = self._observe_inside(directory, files, homes, is_last_look)
                return replace(tree, strange=self._read_strange(wanted, directory, files))
        except FileNotFoundError:
            return Tree()
        except OSError as error:
            return Tree(Bad(say_no_directory(error)))

    def _observe_inside(
        self, directory: int, paths: set[str], limited: dict[str, bool], is_last_look: bool
    ) -> Tree:
        files = {path: self.maker.read(_last_name(path), directory) for path in paths}
        homes = {
            path: self.homes.read_home(_last_name(path), directory, limited=is_limited)
            for path, is_limited in limited.items()
        }
        return Tree(
            directory=self.maker.is_workable(os.fstat(directory)),
            empty=is_last_look and all(map(_is_dropped, os.listdir(directory))),
            files={path: file for path, (file, _) in files.items() if file is not None},
            unreadable=frozenset(
                path for path, (_, is_readable) in files.items() if not is_readable
            ),
            homes={path: home for path, home in homes.items() if home is not None},
        )

    def _read_strange(
        self, wanted: Wanted, directory: int, paths: Collection[str]
    ) -> dict[str, bytes | Bad]:
        """The dot-qmail files of other addresses than those of `paths`."""
        if wanted.part is None:
            files = [file for file in os.listdir(directory) if dotqmail.extension_of(file)]
        else:
            files = [f".qmail-{local.replace('.', ':')}" for local in wanted.part]
        strange = {f"{wanted.name}/{file}" for file in files}.difference(paths)
        contents = {path: self.maker.read(_last_name(path), directory)[0] for path in strange}
        return {path: content for path, content in contents.items() if content is not None}

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
                case LimitHome():
                    self._limit_home(step)
                case WriteFile(path, before, content):
                    self._write_file(path, before, content)
                case _:
                    self._take_away(step, pause)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise StepFailed(f"{step.path} is a mount point, which cannot be moved") from error
            raise StepFailed(f"{error.strerror} ({type(step).__name__})") from error

    def _take_away(
        self, step: RemoveFile | ArchiveHome | PurgeHome | RemoveDirectory, pause: Pause
    ) -> None:
        match step:
            case RemoveFile(path, before):
                self._remove_file(path, before)
            case ArchiveHome(path, mailbox):
                self._archive_home(path, mailbox)
            case PurgeHome():
                self._purge_home(step, pause)
            case RemoveDirectory(path):
                self._remove_directory(path)

    def flush(self) -> None:
        """One syncfs for everything that was made, and one for each file system below."""
        try:
            with contextlib.suppress(FileNotFoundError), entered(self.path) as root:
                libc.syncfs(root)
                for path in find_mount_points(self.path):
                    _sync_mounted(path, root)
        except OSError as error:
            raise HostError("The mail root could not be written to disk.", str(error)) from error

    def _move(self, move: Move) -> None:
        """What is missing is made anew, at its new place."""
        if move.path in find_mount_points(self.path):
            raise StepFailed(
                f"it is a mount point, which cannot be moved: mount it as {move.to} too, then "
                f"unmount {move.path} and remove that empty directory"
            )
        with contextlib.suppress(FileNotFoundError), self._parent(move.path) as (parent, name):
            try:
                move_directory(parent, name, _last_name(move.to))
            except FileExistsError as error:
                raise StepFailed(f"{move.to} is in the way; move it away") from error

    def has(self, path: str) -> bool:
        """Whether anything stands there that can be seen."""
        with contextlib.suppress(OSError), self._parent(path) as (parent, name):
            os.stat(name, dir_fd=parent, follow_symlinks=False)
            return True
        return False

    def is_moved(self, move: Move) -> bool:
        """Whether the link of a move stands at the old name. If not, nothing of it is left.

        Nor where that cannot be seen: a move that was made is found made when it is tried again.
        """
        with contextlib.suppress(OSError), self._parent(move.path) as (parent, name):
            return is_moved(parent, name, _last_name(move.to))
        return False

    def drop_link(self, path: str) -> bool:
        """Take away the link that a move left, if it is still one. Whether none is left."""
        try:
            with self._parent(path) as (parent, name):
                drop_link(parent, name)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _make_directory(self, path: str) -> None:
        is_new = not os.path.isdir(self.path)
        os.makedirs(self.path, exist_ok=True)
        with entered(self.path) as root:
            if is_new:  # the mail user must be able to enter, whatever the umask
                Rights(0o755).give(root)
            with self.maker.ensured(path, root):
                pass

    def _place_home(self, step: PlaceHome) -> None:
        with self._parent(step.path) as (parent, name):
            self.homes.place(step, name, parent)

    def _limit_home(self, step: LimitHome) -> None:
        with self._parent(step.path) as (parent, name), entered(name, parent) as home:
            self.homes.limit(home, step.limits)

    def _write_file(self, path: str, before: bytes | None, content: bytes) -> None:
        with self._parent(path) as (parent, name):
            if read_plain(name, parent) not in ((before,) if before else (None, b"")):
                raise StepFailed("somebody else wrote it meanwhile")
            self.maker.put(name, parent, content, durable=True)

    def _remove_file(self, path: str, before: bytes) -> None:
        with self._parent(path) as (parent, name):
            if read_plain(name, parent) != before:
                raise StepFailed("somebody else wrote it meanwhile")
            os.unlink(name, dir_fd=parent)

    def _archive_home(self, path: str, mailbox: int) -> None:
        with entered(self.path) as root, self._parent(path) as (parent, name):
            archive_home(root, parent, name, mailbox)

    def _purge_home(self, step: PurgeHome, pause: Pause) -> None:
        mailboxes = frozenset({step.mailbox})
        with self._archive_bases(step.directory) as bases:
            for base in bases:
                if find_archived(base, mailboxes):
                    for _ in purge_home(base, step.mailbox):
                        pause()

    def _remove_directory(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError), entered(self.path) as root:
            with entered(path, root) as directory:
                for name in filter(_is_dropped, os.listdir(directory)):
                    os.unlink(name, dir_fd=directory)
            os.rmdir(path, dir_fd=root)

    @contextlib.contextmanager
    def _archive_bases(self, directory: str) -> Iterator[list[int]]:
        """Where a domain may have an archive: the mail root, and its directory if it is there."""
        with contextlib.ExitStack() as stack:
            bases = [stack.enter_context(entered(self.path))]
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                bases.append(stack.enter_context(entered(directory, bases[0])))
            yield bases

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory of `path`, entered name by name, and the last name."""
        *parts, name = path.split("/")
        with contextlib.ExitStack() as stack:
            fd = stack.enter_context(entered(self.path))
            for part in parts:
                fd = stack.enter_context(entered(part, fd))
            yield fd, name


def _sync_mounted(path: str, root: int) -> None:
    with contextlib.suppress(FileNotFoundError), entered(path, root) as directory:
        libc.syncfs(directory)


def _last_name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_dropped(name: str) -> bool:
    """What goes with the directory of a domain: a cut write, whom a responder answered."""
    return name == TEMPORARY or name.startswith(DEPARTED_DATABASE)
