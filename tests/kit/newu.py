"""What qmail-newu(8) does, for homes that are not compiled in: python -m tests.kit.newu HOME.

Like it, it syncs the file and not the directory.
"""

import os
import sys
from pathlib import Path

from qmailpanel.qmail.formats.cdb import compile_assign

users = Path(sys.argv[1], "users")
with (users / "cdb.tmp").open("w+b") as file:
    compile_assign((users / "assign").read_bytes(), file)
    file.flush()
    os.fsync(file.fileno())
(users / "cdb.tmp").chmod(0o644)
(users / "cdb.tmp").rename(users / "cdb")
