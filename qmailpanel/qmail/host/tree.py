"""Below the mail root nothing is trusted.

Every directory is opened by descriptor and never through a symbolic link, every file is made
anew under a temporary name, and owner and mode are changed by descriptor only.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

from qmailpanel.qmail import maildir
from qmailpanel.qmail.host import libc
from qmailpanel.qmail.host.errors import HostError, StepFailed
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.state import Bad, HomeFound, Section, Tree, Wanted
from qmailpanel.qmail.steps import (
    ArchiveHome,
    MakeDirectory,
    PathStep,
    PlaceHome,
    RemoveDirectory,
    RemoveFile,
    WriteFile,
)

ARCHIVE = ".archive"
_TEMPORARY = ".qmailpanel-new"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 65_536
_MAILDIR = ("Maildir", *(f"Maildir/{part}" for part in maildir.DIRECTORIES))
_WORKABLE = stat.S_IFDIR | 0o700
_LOOKED_AT = stat.S_IFMT(0o177777) | 0o702  # the type; the owner may all, others not write


@contextlib.contextmanager
def _opened(name: str, parent: int | None = None) -> Iterator[int]:
    fd = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


class MailRoot:
    """The directory where this host keeps mail. `owner` is None where we may not change owners."""

    def __init__(self, path: str, owner: MailUser | None) -> None:
        self.path = path
        self.owner = owner

    # observe

    def observe(self, wanted: Wanted, applied: Sequence[Section]) -> Tree:
        """What stands where the domain's files and homes are wanted or were applied."""
        sections = [wanted.section, *applied]
        files = {path for section in sections for path in section.files}
        homes = {path for section in sections for path in section.homes} | set(wanted.archive)
        try:
            with _opened(self.path) as root, _opened(wanted.name, root) as directory:
                return self._observe_inside(directory, files, homes, not wanted.section.files)
        except FileNotFoundError:
            return Tree()
        except OSError as error:
            return Tree(Bad(f"{error.strerror}: not a directory of ours"))

    def _observe_inside(
        self, directory: int, files: set[str], homes: set[str], is_last_look: bool
    ) -> Tree:
        found_files = {path: _look_at(directory, _last(path)) for path in files}
        found_homes = {path: self._observe_home(directory, _last(path)) for path in homes}
        return Tree(
            directory=self._is_ours(os.fstat(directory)),
            empty=is_last_look and set(os.listdir(directory)) <= {_TEMPORARY},
            files={path: found for path, found in found_files.items() if found is not None},
            homes={path: found for path, found in found_homes.items() if found is not None},
        )

    def _observe_home(self, directory: int, name: str) -> HomeFound | Bad | None:
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Bad(f"{error.strerror}: not a directory of ours")
        try:
            whole = self._is_ours(os.fstat(fd)) and self._has_maildir(fd)
            return HomeFound(_look_at(fd, ".qmail") or None, whole)
        finally:
            os.close(fd)

    def _has_maildir(self, home: int) -> bool:
        try:
            for name in _MAILDIR:
                if not self._is_ours(os.stat(name, dir_fd=home, follow_symlinks=False)):
                    return False
            return _has_text(home, "Maildir/maildirsize")
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _is_ours(self, found: os.stat_result) -> bool:
        """A directory that qmail-local can work in as the mail user. See qmail-local(8)."""
        if found.st_mode & _LOOKED_AT != _WORKABLE:
            return False
        owner = self.owner
        return owner is None or (found.st_uid == owner.uid and found.st_gid == owner.gid)

    # apply

    def apply(self, step: PathStep) -> None:
        """Carry out one step. Raises StepFailed with the cause; nothing is half done then."""
        try:
            match step:
                case MakeDirectory(path):
                    self._make_directory(path)
                case PlaceHome():
                    self._place_home(step)
                case WriteFile(path, before, content):
                    self._write_file(path, before, content)
                case RemoveFile(path, before):
                    self._remove_file(path, before)
                case ArchiveHome(path, mailbox):
                    self._archive_home(path, mailbox)
                case RemoveDirectory(path):
                    self._remove_directory(path)
        except OSError as error:
            raise StepFailed(f"{error.strerror} ({type(step).__name__})") from error

    def settle(self) -> None:
        """One syncfs for everything that was made."""
        try:
            with _opened(self.path) as root:
                libc.syncfs(root)
        except OSError as error:
            raise HostError("The mail root could not be written to disk.", str(error)) from error

    def _make_directory(self, path: str) -> None:
        os.makedirs(self.path, mode=0o755, exist_ok=True)  # the mail user must be able to enter
        with _opened(self.path) as root:
            os.close(self._ensure(root, path))

    def _place_home(self, step: PlaceHome) -> None:
        with self._parent(step.path) as (parent, name):
            is_new = step.dot_qmail is not None
            if is_new and (
                self._restore(step, parent, name) or self._make_home(step, parent, name)
            ):
                return
            home = self._ensure(parent, name)
            try:
                self._fill_home(home, step.dot_qmail)
            finally:
                os.close(home)

    def _restore(self, step: PlaceHome, parent: int, name: str) -> bool:
        """Out of the archive, if it is there: as it shall be before anything points to it."""
        try:
            with _opened(self.path) as root, _opened(ARCHIVE, root) as archive:
                _refuse_strangers(archive)
                with _opened(str(step.mailbox), archive) as home:
                    self._mend(home)
                    self._fill_home(home, step.dot_qmail)
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
        with _opened(name, parent) as home:
            _refuse_strangers(home)
            for directory in _MAILDIR:
                os.mkdir(directory, 0o700, dir_fd=home)
                self._own_new(directory, home)
            self._create(home, ".qmail", step.dot_qmail or b"")
            self._create(home, "Maildir/maildirsize", maildir.NEW_SIZE)
            self._own(home)
        return True

    def _own_new(self, name: str, home: int) -> None:
        if self.owner is not None:
            uid, gid = self.owner.uid, self.owner.gid
            os.chown(name, uid, gid, dir_fd=home, follow_symlinks=False)

    def _create(self, directory: int, name: str, content: bytes) -> None:
        fd = os.open(name, _CREATE, 0o600, dir_fd=directory)
        try:
            os.write(fd, content)
            self._own(fd)
        finally:
            os.close(fd)

    def _fill_home(self, home: int, dot_qmail: bytes | None) -> None:
        inside = self._ensure(home, "Maildir")
        try:
            for part in maildir.DIRECTORIES:
                os.close(self._ensure(inside, part))
            if not _has_text(inside, "maildirsize"):
                self._put(inside, "maildirsize", maildir.NEW_SIZE)
        finally:
            os.close(inside)
        if dot_qmail is not None:
            self._put(home, ".qmail", dot_qmail)

    def _write_file(self, path: str, before: bytes | None, content: bytes) -> None:
        with self._parent(path) as (parent, name):
            if _look_at(parent, name) not in ((before,) if before else (None, b"")):
                raise StepFailed("somebody else wrote it meanwhile")
            self._put(parent, name, content, durable=True)

    def _remove_file(self, path: str, before: bytes) -> None:
        with self._parent(path) as (parent, name):
            if _look_at(parent, name) != before:
                raise StepFailed("somebody else wrote it meanwhile")
            os.unlink(name, dir_fd=parent)

    def _archive_home(self, path: str, mailbox: int) -> None:
        with _opened(self.path) as root, self._archive(root) as archive:
            with self._parent(path) as (parent, name):
                os.close(os.open(name, _DIRECTORY, dir_fd=parent))
                libc.rename_new(parent, name, archive, str(mailbox))
            os.fsync(archive)

    def _remove_directory(self, path: str) -> None:
        with contextlib.suppress(OSError), _opened(self.path) as root:
            with contextlib.suppress(FileNotFoundError), _opened(path, root) as directory:
                os.unlink(_TEMPORARY, dir_fd=directory)
            os.rmdir(path, dir_fd=root)

    @contextlib.contextmanager
    def _archive(self, root: int) -> Iterator[int]:
        with contextlib.suppress(FileExistsError):
            os.mkdir(ARCHIVE, 0o700, dir_fd=root)
        with _opened(ARCHIVE, root) as archive:
            _refuse_strangers(archive)
            os.fchmod(archive, 0o700)
            yield archive

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory of `path`, entered name by name, and the last name."""
        *parts, name = path.split("/")
        with contextlib.ExitStack() as stack:
            fd = stack.enter_context(_opened(self.path))
            for part in parts:
                fd = stack.enter_context(_opened(part, fd))
            yield fd, name

    def _ensure(self, parent: int, name: str) -> int:
        """A directory of the mail user, made or mended; its descriptor."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        fd = os.open(name, _DIRECTORY, dir_fd=parent)
        self._mend(fd)
        return fd

    def _mend(self, directory: int) -> None:
        if not self._is_ours(os.fstat(directory)):
            self._own(directory)
            os.fchmod(directory, 0o700)

    def _own(self, fd: int) -> None:
        if self.owner is not None:
            os.fchown(fd, self.owner.uid, self.owner.gid)

    def _put(self, parent: int, name: str, content: bytes, *, durable: bool = False) -> None:
        """A new file of the mail user, 0600, in the place of whatever has the name."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_TEMPORARY, dir_fd=parent)
        fd = os.open(_TEMPORARY, _CREATE, 0o600, dir_fd=parent)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(content)
            self._own(fd)
            if durable:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        os.rename(_TEMPORARY, name, src_dir_fd=parent, dst_dir_fd=parent)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _refuse_strangers(directory: int) -> None:
    if os.fstat(directory).st_uid != os.geteuid():
        raise StepFailed("a directory that must be ours belongs to somebody else")


def _has_text(directory: int, name: str) -> bool:
    """Whether a plain file of one name is there, and not empty."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size > 0


def _look_at(directory: int, name: str) -> bytes | Bad | None:
    """The content of a plain file of one name; None where there is none."""
    try:
        fd = os.open(name, _READ, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Bad(f"{error.strerror}: not a plain file")
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > _LARGEST:
            return Bad("not a plain file with one name")
        return os.read(fd, _LARGEST)
    finally:
        os.close(fd)
