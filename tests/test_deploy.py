"""What deploy/ says is true: units that systemd takes, and processes that need no more than those.

systemd itself does not run here; its restrictions are made by hand: the same capabilities, the
same writable places, and system calls compared with what the filter lets through.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from qmailpanel.commands.embedded import prepare_embedded_home
from qmailpanel.commands.management.commands.run import _granian
from qmailpanel.qmail.host.route_reader import HIDDEN
from qmailpanel.sync.trigger import Trigger
from tests.kit.real_qmail import wait_for

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = ["qmailpanel-sync.service", "qmailpanel-web.service"]
HIDING = {  # see systemd.exec(5)
    "ProtectHome": {"/home", "/root", "/run/user"},
    "PrivateTmp": {"/tmp", "/var/tmp"},
    "PrivateDevices": {"/dev"},
    "ProtectKernelTunables": {"/proc", "/sys"},
}
SCRIPTS = sorted(DEPLOY.glob("daemontools/**/run"))
NOBODY = 65534
FILL = """
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.models import KnownHost
KnownHost.objects.get_or_create(node="main")
domain = add_domain(SYSTEM, DomainName("pandle.net"))
add_mailbox(SYSTEM, domain, LocalPart("biliards"))
"""
# every place that the unit says may be written is a mount of its own; all else is read-only
CONFINED = """
for place in $PLACES; do mount --bind "$place" "$place" || exit 1; done
mount -o remount,bind,ro / || exit 1
exec setpriv --bounding-set "$CAPABILITIES" --no-new-privs "$@"
"""

is_root = os.geteuid() == 0


def may_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return is_root and not tried.returncode


def settings_of(unit: str) -> dict[str, list[str]]:
    """What a unit sets, each as often as it stands there."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def run(command: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


# what others say of the files


def test_what_the_unit_hides_from_sync_is_what_a_route_does_not_know() -> None:
    """Else a route says of a file there that it is missing, though mail finds it."""
    given = settings_of("qmailpanel-sync.service")
    hidden = [places for name, places in HIDING.items() if given.get(name) == ["yes"]]
    assert {os.fsdecode(path) for path in HIDDEN} == set().union(*hidden)
    assert not {"InaccessiblePaths", "TemporaryFileSystem", "RootDirectory"} & given.keys()


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_unit(unit, tmp_path) -> None:
    text = (DEPLOY / "systemd" / unit).read_text()
    here = text.replace("/opt/qmailpanel/.venv/bin/", f"{Path(sys.executable).parent}/")
    here = here.replace("/opt/qmailpanel", str(ROOT))
    (tmp_path / unit).write_text(here)
    done = run(["systemd-analyze", "verify", "--man=no", tmp_path / unit])
    assert [line for line in done.stderr.splitlines() if unit in line] == []


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_calls_the_unit_well_confined(unit) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=30"]
    run([*command, DEPLOY / "systemd" / unit])


def test_the_sync_service_comes_back_however_it_ended() -> None:
    assert settings_of("qmailpanel-sync.service")["Restart"] == ["always"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_a_run_script_is_one(script) -> None:
    assert os.access(script, os.X_OK)
    run(["sh", "-n", script])


def test_the_run_scripts_start_what_the_units_start() -> None:
    for name in ("sync", "web"):
        [command] = settings_of(f"qmailpanel-{name}.service")["ExecStart"]
        script = (DEPLOY / f"daemontools/qmailpanel-{name}/run").read_text()
        words = script.replace("\\\n", " ").replace('"', "").replace("'", "").split()
        started = command.removeprefix("/opt/qmailpanel/").replace("{", "").replace("}", "")
        assert " ".join(started.split()) in " ".join(words)


def test_the_panel_is_served_alike_everywhere_and_by_several_threads() -> None:
    unit = (DEPLOY / "systemd/qmailpanel-web.service").read_text()
    script = (DEPLOY / "daemontools/qmailpanel-web/run").read_text().replace("\\\n", " ")
    said = [text.partition("--interface")[2].split() for text in (unit, script)]
    [first, *others] = [dict(zip(words[1::2], words[2::2], strict=False)) for words in said]
    made = _granian("127.0.0.1", 8025)
    others.append(dict(zip(made[4::2], made[5::2], strict=False)))
    for option in ("--workers", "--blocking-threads"):
        assert {first[option]} == {other[option] for other in others}
    assert 8 <= int(first["--blocking-threads"]) <= 16


def write_nginx(place: Path, *, door: int = 1443, panel: int = 8025) -> Path:
    """The example as a whole configuration: TLS on the port `door`, before a panel on `panel`."""
    text = (DEPLOY / "nginx/qmailpanel.conf").read_text()
    key, certificate = place / "key", place / "certificate"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=panel.example.org"
    run([*command.split(), "-keyout", key, "-out", certificate])
    text = re.sub(r"(ssl_certificate_key) +\S+;", rf"\1 {key};", text)
    text = re.sub(r"(ssl_certificate) +\S+;", rf"\1 {certificate};", text)
    text = re.sub(r"access_log +\S+", f"access_log {place}/access", text)
    text = re.sub(r"listen +(\[::\]:)?80", f"listen unix:{place}/plain", text)
    text = re.sub(r"listen +(\[::\]:)?443", f"listen 127.0.0.1:{door}", text)
    text = text.replace("127.0.0.1:8025", f"127.0.0.1:{panel}")
    lines = list(dict.fromkeys(re.findall(r" +listen .*", text)))
    assert len(lines) == 2
    text = re.sub(r"( +listen .*\n)\1", r"\1", text)
    whole, http = place / "nginx.conf", f"client_body_temp_path {place}/bodies;\n{text}"
    whole.write_text(f"pid {place}/pid;\nevents {{}}\nhttp {{\n{http}\n}}\n")
    return whole


def test_nginx_takes_the_example(tmp_path) -> None:
    run(["nginx", "-t", "-q", "-e", tmp_path / "log", "-c", write_nginx(tmp_path)])


class Panel(ThreadingHTTPServer):
    """Answers everything, and notes who came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.visits = 0

    def get_request(self) -> Any:
        self.visits += 1
        return super().get_request()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def panel() -> Iterator[Panel]:
    with Panel() as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        yield server
        server.shutdown()


@pytest.fixture
def visitor(panel, tmp_path) -> Iterator[Callable[[], HTTPSConnection]]:
    """Makes connections to the panel, through nginx as the example has it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        door = free.getsockname()[1]
    whole = write_nginx(tmp_path, door=door, panel=panel.server_port)
    command = ["nginx", "-g", "daemon off;", "-e", tmp_path / "log", "-c", whole]
    with subprocess.Popen(command) as process:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate"))
        trusting.check_hostname = False
        yield lambda: HTTPSConnection("127.0.0.1", door, timeout=10, context=trusting)
        process.terminate()


def test_nginx_asks_the_panel_when_it_has_the_whole_form(panel, visitor) -> None:
    with contextlib.closing(visitor()) as slow:
        slow.putrequest("POST", "/domains/")
        slow.putheader("Content-Length", "12")
        slow.endheaders(b"name=p")
        time.sleep(0.3)
        assert panel.visits == 0
        slow.send(b"andle.")
        assert slow.getresponse().status == 200
    assert panel.visits == 1


@pytest.mark.parametrize("there", ["account_login", "account_reset_password", "mailboxes:welcome"])
def test_nginx_lets_one_address_come_to_the_door_only_so_often(visitor, there) -> None:
    def ask(path: str) -> int:
        with contextlib.closing(visitor()) as connection:
            connection.request("GET", path)
            status: int = connection.getresponse().status
            return status

    statuses = [ask(reverse(there)) for _try in range(40)]
    assert (statuses[:20], statuses[-1]) == ([200] * 20, 429)
    assert [ask("/domains/") for _page in range(40)] == [200] * 40


# what deploy/README.md has people do

READERS = [ROOT / "README.md", ROOT / "Makefile", *DEPLOY.rglob("*.md")]
READERS += [*ROOT.glob("docs/**/*.md"), *ROOT.glob("templates/**/*.html")]


def commands_of(section: str) -> list[str]:
    """The lines of a section of deploy/README.md that are typed."""
    text = (DEPLOY / "README.md").read_text().partition(f"\n## {section}\n")[2]
    lines = text.partition("\n## ")[0].splitlines()
    return [line.partition("    # ")[0].strip() for line in lines if line.startswith("    ")]


def test_a_release_is_never_copied_over_another_nor_out_of_a_directory_in_use(tmp_path) -> None:
    commands = commands_of("Install")
    [clone] = [line for line in commands if line.endswith(" /opt/qmailpanel") and "cd" not in line]
    release, place = tmp_path / "release", tmp_path / "opt"
    run(["git", "init", "--quiet", release])
    git = ["git", "-C", release, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (release / "manage.py").touch()
    run([*git, "add", "manage.py"])
    run([*git, "commit", "--quiet", "--message", "a release"])
    (release / ".venv").mkdir()
    (release / ".venv/of-another").touch()
    words = clone.replace("ADDRESS", str(release)).replace("/opt/qmailpanel", str(place)).split()
    run(words)
    assert {path.name for path in place.iterdir()} == {".git", "manage.py"}
    again = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (again.returncode, "not an empty directory" in again.stderr) == (128, True)


def test_pip_is_the_one_of_the_directory_that_is_installed_into() -> None:
    """Its script names the python of the directory where it was made; -m takes the one here."""
    for file in (DEPLOY / "README.md", ROOT / "Makefile"):
        text = file.read_text()
        assert "/pip install" not in text
        assert "/python -m pip install" in text


def test_maildrop_is_installed_without_the_mail_server_that_debian_recommends_beside_it() -> None:
    install = re.compile(r"apt-get install.*?(?=\n|</code>)")
    lines = [line for file in READERS for line in install.findall(file.read_text())]
    named = [line for line in lines if "maildrop" in line or "$(PACKAGES)" in line]
    assert len(named) == 4
    assert [line for line in named if "--no-install-recommends" not in line] == []


# what the processes need


def environment_of(place: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if "QMAILPANEL" not in name}
    return kept | {
        "QMAILPANEL_STATE_DIR": str(place / "state"),
        "QMAILPANEL_QMAIL_HOME": str(place / "qmail"),
        "DATABASE_URL": "",
        "EMAIL_URL": "dummymail://",
    }


@pytest.fixture(scope="module")
def filled_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with something to do for sync; it is copied."""
    place = tmp_path_factory.mktemp("filled")
    for command in (["migrate", "--verbosity", "0"], ["shell", "--no-imports", "-c", FILL]):
        run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment_of(place))
    return place / "state"


@pytest.fixture
def world(filled_state: Path) -> Iterator[dict[str, str]]:
    """The environment of a panel of its own."""
    place = Path("/var/tmp") / f"qmailpanel-deploy-{os.getpid()}"
    home = place / "qmail"
    shutil.copytree(filled_state, place / "state")
    prepare_embedded_home(home)
    for name in ("mailnames", "logins", "qmailpanel"):
        (home / name).mkdir(exist_ok=True)
    yield environment_of(place)
    shutil.rmtree(place)


def places(environment: dict[str, str]) -> list[str]:
    """Where sync may write, on this test's host."""
    [found] = settings_of(UNITS[0])["ReadWritePaths"]
    home, state = environment["QMAILPANEL_QMAIL_HOME"], environment["QMAILPANEL_STATE_DIR"]
    here = found.replace("/var/qmail", home).replace("/var/lib/qmailpanel", state)
    return here.split()


def sync_confined(
    environment: dict[str, str], capabilities: list[str]
) -> subprocess.CompletedProcess[str]:
    named = [f"+{name.removeprefix('CAP_').lower()}" for name in capabilities]
    confined = environment | {
        "PLACES": " ".join(places(environment)),
        "CAPABILITIES": ",".join(["-all", *named]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", CONFINED, "sh"]
    return subprocess.run(
        [*command, sys.executable, "manage.py", "qmailsync", "--once"],
        cwd=ROOT,
        env=confined,
        capture_output=True,
        text=True,
        check=False,
    )


def home_of(environment: dict[str, str]) -> Path:
    return Path(environment["QMAILPANEL_QMAIL_HOME"]) / "mailnames/pandle.net/biliards"


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
def test_sync_needs_no_more_than_its_unit_gives(world) -> None:
    [capabilities] = settings_of(UNITS[0])["CapabilityBoundingSet"]
    done = sync_confined(world, capabilities.split())
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    found = (home_of(world) / "Maildir/new").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (110, 31, 0o700)
    removal = FILL.partition("domain =")[0] + (
        "from qmailpanel.domains.models import Address\n"
        "remove_mailbox(SYSTEM, Address.objects.get(local='biliards'))"
    )
    run([sys.executable, "manage.py", "shell", "--no-imports", "-c", removal], cwd=ROOT, env=world)
    done = sync_confined(world, capabilities.split())
    assert done.returncode == 0, done.stderr
    assert not home_of(world).exists()


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
@pytest.mark.parametrize("without", ["CAP_CHOWN", "CAP_DAC_OVERRIDE"])
def test_sync_says_what_it_could_not_do_without_a_capability(world, without) -> None:
    [capabilities] = settings_of(UNITS[0])["CapabilityBoundingSet"]
    done = sync_confined(world, [name for name in capabilities.split() if name != without])
    assert "pandle.net" in done.stderr or done.returncode
    assert "Traceback" not in done.stderr


def system_calls_of(command: list[Any], environment: dict[str, str], log: Path) -> str:
    run(["strace", "-f", "-qq", "-o", log, *command], cwd=ROOT, env=environment)
    return log.read_text()


def let_through(unit: str) -> set[str]:
    """The system calls that the unit's filter leaves."""
    left: set[str] = set()
    for line in settings_of(unit)["SystemCallFilter"]:
        names = [name for group in line.lstrip("~").split() for name in members_of(group)]
        left = left - set(names) if line.startswith("~") else left | set(names)
    return left


def members_of(group: str) -> Iterator[str]:
    if not group.startswith("@"):
        yield group
        return
    for line in run(["systemd-analyze", "syscall-filter", group]).stdout.splitlines()[1:]:
        if not line.strip().startswith("#") and line.strip():
            yield from members_of(line.strip())


@pytest.mark.parametrize("unit", UNITS)
def test_no_process_makes_a_system_call_that_its_unit_refuses(unit, world, tmp_path) -> None:
    once = [sys.executable, "manage.py", "qmailsync", "--once"]
    page = (
        "from django.test import Client; from django.core.management import call_command\n"
        "call_command('createcachetable', verbosity=0)\n"
        "assert Client().get('/sign-in/', headers={'host': 'localhost'}).status_code == 200\n"
    )
    shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", page]
    text = system_calls_of(once if "sync" in unit else shell, world, tmp_path / "log")
    made = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
    assert made > {"execve", "openat"}
    # SQLite hands its files over only when it is root, as here
    assert made - let_through(unit) - {"fchown"} == set()
    # MemoryDenyWriteExecute
    assert not re.search(r"PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC", text)


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="needs to be root")
def test_the_web_process_cannot_write_anything_of_qmails(world) -> None:
    """As a user of its own, in the group of the state directory."""
    state, home = Path(world["QMAILPANEL_STATE_DIR"]), Path(world["QMAILPANEL_QMAIL_HOME"])
    run([sys.executable, "manage.py", "qmailsync", "--once"], cwd=ROOT, env=world)
    for path in (state, *state.iterdir()):
        os.chown(path, 0, NOBODY)
    state.chmod(0o3770)
    files = [home, *home.rglob("*")]
    assert any(path.name == "cdb" for path in files)
    assert ask_as_web(lambda: os.access(state / "db.sqlite3", os.W_OK))
    assert not ask_as_web(lambda: any(os.access(path, os.W_OK) for path in files))


@pytest.mark.root
@pytest.mark.skipif(not is_root, reason="needs to be root")
def test_the_web_process_replaces_nothing_that_root_follows_and_writes_the_database(world) -> None:
    """Each name in the state directory once by a link, once by nothing, once by another name."""
    state = Path(world["QMAILPANEL_STATE_DIR"])
    shutil.rmtree(state)
    state.mkdir()
    os.chown(state, 0, NOBODY)
    state.chmod(0o3770)
    for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--noinput"]):
        done = run([sys.executable, "manage.py", *command], cwd=ROOT, env=world, umask=0o007)
        assert done.returncode == 0, done.stderr
    Trigger(state / "sync.fifo").close()
    names = {"db.sqlite3", "secret-key", "factor-key", "static", "sync.fifo"}
    assert names <= {path.name for path in state.iterdir()}
    inside = [state / "static", *(state / "static").rglob("*")]
    assert len(inside) > 10
    assert not ask_as_web(lambda: any(os.access(path, os.W_OK) for path in inside))
    assert not ask_as_web(lambda: any(replace_by_link(state / name) for name in names))
    assert ask_as_web(lambda: write_row(state / "db.sqlite3"))
    assert [path.lstat().st_uid for path in state.iterdir()] == [0] * len(names)


def replace_by_link(path: Path) -> bool:
    """Whether any of the ways to it is open."""
    link = path.with_name("a-link")
    link.symlink_to("/etc/passwd")
    ways = (
        lambda: link.rename(path),
        path.unlink,
        lambda: path.rename(path.with_name("away")),
    )
    for way in ways:
        with contextlib.suppress(OSError):
            way()
            return True
    link.unlink()
    return False


def write_row(path: Path) -> bool:
    database = sqlite3.connect(path)
    database.execute("UPDATE ledger_ledgerhead SET last = last")
    database.commit()
    database.close()
    return True


def ask_as_web(question: Callable[[], bool]) -> bool:
    """The answer of a process that is only in the group of the state directory."""
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os._exit(0 if question() else 1)
    return os.waitpid(child, 0)[1] == 0
