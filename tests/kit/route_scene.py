"""A host made by hand, with every turn that mail can take in it, and where each address leads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qmailpanel.qmail.route.verdict import Verdict

UID, GID = 110, 31
CONTROL = {
    "me": "mail.vm.test\n",
    "locals": "mail.vm.test\nboth.test\nhack.test\n",
    "percenthack": "hack.test\n",
    "rcpthosts": "pandle.net\n.sub.pandle.net\nALIAS.test \nother.net\nboth.test\nhack.test\n"
    "wide.test\nwhole.test\nroot.test\ntwice.test\nodd.test\nnohome.test\n# comment.test\n",
    "virtualdomains": "pandle.net:100\nAlias.test:100\n.sub.pandle.net:100\nboth.test:100\n"
    "me@whole.test:100-list\ntwice.test:100\ntwice.test:101\nother.net:101\nhidden.test:101\n"
    "wide.test:1029\nroot.test:103\nodd.test:104\nnohome.test:105\nstopped.test:\n"
    ".stopped.test:100\nno.colon\n",
    "smtproutes": "routed.test:relay.test:26\n",
}
FILES = {
    "default": "|bouncesaying 'Nobody here.'\n",
    "sales": "&ann@pandle.net\n",
    "team": "ann@pandle.net\n&out@remote.test\n",
    "a:b": "&ann@pandle.net\n",
    "list-default": "./ann/Maildir/\n",
    "blank": "\n./ann/Maildir/\n",
    "drop": "#\n",
    "empty": "",
    "held": "|printf '%s\\n' 'Later.'; exit 111\n",
    "refused": "|bouncesaying 'No.'\n",
    "both": "./ann/Maildir/\n&bob@pandle.net\n",
    "mbox": "./mbox\n",
    "nowhere": "./nowhere/\n",
    "notmp": "./notmp/Maildir/\n",
    "loop": "&pool@pandle.net\n",
    "pool": "&loop@pandle.net\n",
    "itself": "&itself@pandle.net\n./ann/Maildir/\n",
    "typo": "&annn@pandle.net\n",
    "chain": "&Link@Alias.Test\n",
    "link": "&sales@pandle.net\n",
    "plus": "+list\n&ann@pandle.net\n",
    "plusbox": "+list\n&bob@pandle.net\n./ann/Maildir/\n",
    "hundred": "|exit 100\n",
    "skip": "|exit 99\n&bob@pandle.net\n",
    "skipped": "./ann/Maildir/\n|exit 99\n&bob@pandle.net\n",
    "fails": "&bob@pandle.net\n|exit 111\n",
    "nohost": "&nobody-at-all\n",
    "lastline": "&ann@pandle.net",
    "cr": "&ann@remote.test\r\n",
    "blanks": "&ann@pandle.net  \t\n\n# text\n",
    "true": "|true\n./ann/Maildir/\n",
    "half": "&ann@pandle.net\n&annn@pandle.net\n",
    "program": "|cat > /dev/null\n",
    "guard": "|exit 100; [ $? -eq 1 ] || exit 99\n./ann/Maildir/\n",
    "device": "/dev/null\n",
    "mboxlink": "./mboxlink\n",
    "noentry": "./noentry/Maildir/\n",
    "many": "&ann@pandle.net\n" * 101,
    "dashes": f"&100{'-' * 2000}@pandle.net\n",
    "large": "|exit 100\n" + "#\n" * 40_000,
    "tail": "|bouncesaying 'No.'; exit 0\n",
    "full": "|%(bin)s/preline -f /usr/sbin/deliverquota ./full/Maildir\n",
    "fullon": "&bob@pandle.net\n|%(bin)s/preline -f /usr/sbin/deliverquota ./full/Maildir\n",
    "room": "|%(bin)s/preline -f /usr/sbin/deliverquota ./room/Maildir\n",
    "lost": "|/usr/bin/no-preline -f /usr/sbin/deliverquota ./room/Maildir\n",
}
HOMES = ("ann", "bob", "Carl", "sticky", "open", "shut", "full", "room", "notmp", "noentry")


@dataclass(frozen=True)
class Scene:
    """`home`: of qmail."""

    home: Path

    @property
    def root(self) -> Path:
        return self.home / "mailnames"

    def build(self) -> None:
        """All but the maps."""
        for name in ("control", "users", "alias", "mailnames"):
            (self.home / name).mkdir(exist_ok=True)
        for name, text in CONTROL.items():
            (self.home / "control" / name).write_text(text)
        domain = self._directory("pandle.net")
        for name, text in FILES.items():
            self.write(f"pandle.net/.qmail-{name}", text.replace("%(bin)s", f"{self.home}/bin"))
        self._odd_files(domain)
        for name in HOMES:
            self._home(f"pandle.net/{name}")
        self._odd_homes(domain)
        self._directory("other.net")
        self.write("other.net/.qmail-only", "&ann@pandle.net\n")
        self.write("other.net/.qmail", "&ann@pandle.net\n")
        self._directory("odd.test")
        (self.home / "alias/.qmail-postmaster").write_text("&ann@pandle.net\n")
        (self.home / "users/assign").write_text(self._assign())

    def _assign(self) -> str:
        at, who = f"{self.root}/pandle.net", f"popuser:{UID}:{GID}"
        lines = [f"=100-{name}:{who}:{at}/{name}:::" for name in ("ann", "bob", "sticky", "open")]
        lines += [
            f"=100-Carl:{who}:{at}/Carl:::",
            f"=100-ann:{who}:{at}/bob:::",  # of equal names the first counts
            f"=100-shut:{who}:{at}/shut:::",
            f"=100-moved:{who}:{at}/moved:::",
            f"=100-gone:{who}:{at}/gone:::",
            f"=100-relative:{who}:somewhere:::",
            f"=100-far:{who}:/home/far:::",
            f"+100-:{who}:{at}:-::",
            f"+101-:{who}:{self.root}/other.net:-::",
            f"+102:{who}:{at}:-:list-:",
            f"+103-:root:0:0:{at}:-::",
            f"+104-:{who}:{self.root}/odd.test:::",
            f"+105-:{who}:{self.root}/nohome.test:-::",
        ]
        return "\n".join([*lines, ".", ""])

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.write_bytes(text.encode())
        os.chown(file, UID, GID)
        file.chmod(0o600)
        return file

    def _directory(self, path: str) -> Path:
        directory = self.root / path
        directory.mkdir()
        os.chown(directory, UID, GID)
        directory.chmod(0o700)
        return directory

    def _home(self, path: str) -> None:
        self._directory(path)
        self._directory(f"{path}/Maildir")
        for name in ("cur", "new", "tmp"):
            self._directory(f"{path}/Maildir/{name}")
        self.write(f"{path}/.qmail", "./Maildir/\n")

    def _odd_files(self, domain: Path) -> None:
        self.write("pandle.net/.qmail-world", "&ann@pandle.net\n").chmod(0o666)
        self.write("pandle.net/.qmail-denied", "&ann@pandle.net\n").chmod(0)
        self.write("pandle.net/.qmail-exec", "&ann@pandle.net\n").chmod(0o700)
        self.write("pandle.net/.qmail-execbox", "./ann/Maildir/\n").chmod(0o700)
        (domain / ".qmail-directory").mkdir()
        (domain / ".qmail-linked").symlink_to(".qmail-sales")
        (domain / ".qmail-dangling").symlink_to("nothing")
        (domain / ".qmail-secret").symlink_to("/etc/shadow")
        (domain / ".qmail-self").symlink_to("/proc/self/maps")
        (domain / ".qmail-private").symlink_to("../../../../../../tmp/nothing-there")
        (domain / ".qmail-shut-dir").mkdir(mode=0)
        (domain / "mboxlink").symlink_to("/nonexistent/mbox")

    def _odd_homes(self, domain: Path) -> None:
        (domain / "sticky").chmod(0o1700)
        (domain / "open").chmod(0o777)
        (domain / "shut").chmod(0)
        (domain / "moved").symlink_to("ann")
        (domain / "notmp/Maildir/tmp").rmdir()
        (domain / "noentry/Maildir/tmp").chmod(0o600)
        self.write("pandle.net/full/Maildir/maildirsize", "100S,0C\n         200            1\n")
        self.write("pandle.net/room/Maildir/maildirsize", "900000S,0C\n           0            0\n")


ARRIVES, GOES_ON, BOTH, LEAVES = Verdict.ARRIVES, Verdict.GOES_ON, Verdict.BOTH, Verdict.LEAVES
RETURNS, WAITS, DISCARDED, UNKNOWN = (
    Verdict.RETURNS,
    Verdict.WAITS,
    Verdict.DISCARDED,
    Verdict.UNKNOWN,
)
LEADS: Mapping[str, Verdict] = {
    "ann@pandle.net": ARRIVES,
    "ANN@Pandle.Net": ARRIVES,
    "bob@pandle.net": ARRIVES,
    "carl@pandle.net": ARRIVES,
    "ann@alias.test": ARRIVES,
    "ann@x.sub.pandle.net": ARRIVES,
    "ann@sub.pandle.net": LEAVES,
    "sales@pandle.net": GOES_ON,
    "Sales@pandle.net": GOES_ON,
    "team@pandle.net": GOES_ON,
    "a.b@pandle.net": GOES_ON,
    "a:b@pandle.net": GOES_ON,
    "A.B@pandle.net": GOES_ON,
    "list-x-y@pandle.net": ARRIVES,
    "list-@pandle.net": ARRIVES,
    "list@pandle.net": RETURNS,
    "me@whole.test": ARRIVES,
    "you@whole.test": LEAVES,
    "unknown@pandle.net": RETURNS,
    "ann-x@pandle.net": RETURNS,
    "default@pandle.net": RETURNS,
    "blank@pandle.net": WAITS,
    "drop@pandle.net": DISCARDED,
    "empty@pandle.net": WAITS,
    "held@pandle.net": WAITS,
    "refused@pandle.net": RETURNS,
    "both@pandle.net": BOTH,
    "mbox@pandle.net": ARRIVES,
    "nowhere@pandle.net": WAITS,
    "notmp@pandle.net": WAITS,
    "loop@pandle.net": RETURNS,
    "itself@pandle.net": RETURNS,
    "typo@pandle.net": RETURNS,
    "chain@pandle.net": GOES_ON,
    "plus@pandle.net": GOES_ON,
    "plusbox@pandle.net": WAITS,
    "hundred@pandle.net": RETURNS,
    "skip@pandle.net": DISCARDED,
    "skipped@pandle.net": ARRIVES,
    "fails@pandle.net": WAITS,
    "nohost@pandle.net": RETURNS,
    "lastline@pandle.net": GOES_ON,
    "cr@pandle.net": LEAVES,
    "blanks@pandle.net": GOES_ON,
    "true@pandle.net": ARRIVES,
    "half@pandle.net": RETURNS,
    "program@pandle.net": UNKNOWN,
    "tail@pandle.net": UNKNOWN,
    "guard@pandle.net": UNKNOWN,
    "device@pandle.net": UNKNOWN,
    "mboxlink@pandle.net": WAITS,
    "noentry@pandle.net": WAITS,
    "many@pandle.net": UNKNOWN,
    "dashes@pandle.net": UNKNOWN,
    "large@pandle.net": UNKNOWN,
    "self@pandle.net": UNKNOWN,
    "private@pandle.net": UNKNOWN,
    "shut-dir@pandle.net": WAITS,
    "full@pandle.net": RETURNS,
    "fullon@pandle.net": RETURNS,
    "room@pandle.net": ARRIVES,
    "lost@pandle.net": WAITS,
    "world@pandle.net": WAITS,
    "denied@pandle.net": WAITS,
    "exec@pandle.net": GOES_ON,
    "execbox@pandle.net": WAITS,
    "directory@pandle.net": RETURNS,
    "linked@pandle.net": GOES_ON,
    "dangling@pandle.net": RETURNS,
    "secret@pandle.net": WAITS,
    "sticky@pandle.net": WAITS,
    "open@pandle.net": WAITS,
    "shut@pandle.net": WAITS,
    "moved@pandle.net": ARRIVES,
    "gone@pandle.net": WAITS,
    "relative@pandle.net": RETURNS,
    "far@pandle.net": UNKNOWN,
    "only@other.net": GOES_ON,
    "other@other.net": RETURNS,
    "only@twice.test": GOES_ON,
    "only@hidden.test": RETURNS,  # at the door
    "x@wide.test": ARRIVES,
    "x@root.test": WAITS,
    "x@odd.test": WAITS,
    "x@nohome.test": WAITS,
    "100-ann@both.test": ARRIVES,
    "ann@both.test": RETURNS,
    "postmaster@mail.vm.test": RETURNS,  # at the door
    "postmaster@both.test": GOES_ON,
    "postmaster": GOES_ON,
    "100-ann": ARRIVES,
    "root@both.test": RETURNS,
    "ann%pandle.net@hack.test": ARRIVES,
    "ann%remote.test@hack.test": LEAVES,
    "x@stopped.test": LEAVES,
    "x@y.stopped.test": RETURNS,
    "x@routed.test": LEAVES,
    "out@remote.test": LEAVES,
    "@pandle.net": RETURNS,
    "../ann/.qmail@pandle.net": RETURNS,
    f"{'x' * 300}@pandle.net": RETURNS,
    "a b@pandle.net": RETURNS,
}
