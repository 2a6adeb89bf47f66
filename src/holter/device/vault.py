"""The privacy ledger on disk: durable before anything leaves, held by one process, never reborn.

A folder with two files. ``ledger.jsonl`` holds the lines, signed, and is only ever appended to.
``ledger.head`` is one signed record, replaced whole: how many lines there are and the hash of
the last. An append is

    write the line -> fsync -> advance the counter -> replace the head -> fsync -> return

and only then may the caller send. So nothing has left that the head does not cover, and a crash
can leave but three things, all accepted by ``Vault.open``:

- as many lines as the head says: nothing was under way, or all of it was done;
- a torn line more: the charge was being written. It is cut; it was never sent;
- one whole line more: the head was not yet replaced. It counts as spent, though never sent.

All else (a ledger or a head that is missing, shorter, changed, of another key, or set back on its
own) is ``ledger_corrupt``: the device treats every budget as spent and asks to be enrolled anew.
Nothing is created silently.

**What cannot be seen from here**: both files, set back together from one backup. They are whole,
and only something outside them knows better: a ``Counter`` in a secure element or TPM where there
is one, else the coordinator's request counter at the next contact. Keep the folder out of backups.
A copy of the key makes any history; without signatures by hardware that cannot be seen either.

The ledger file carries the lock (``flock``): it is never replaced, so its lock cannot be got
round by removing a lock file. A process forked while the vault is open shares the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, TypeAlias, final

from holter.crypto.signature import SigningKey
from holter.device import durable
from holter.privacy.chain import Check, Sign, Tampered, chained, checker, entry_of, signer
from holter.privacy.contract import Contract, Limits, Refused
from holter.privacy.device_ledger import DeviceLedger

LEDGER, HEAD = "ledger.jsonl", "ledger.head"
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}  # what rename says where a folder is

Mended: TypeAlias = Literal["nothing", "torn line cut", "last line kept"]
"""What ``Vault.open`` found to do after a crash."""


class Counter(Protocol):
    """A number that hardware lets rise and never fall, for this ledger alone."""

    def read(self) -> int:
        """The present value."""
        ...

    def advance(self) -> int:
        """One more, durable when this returns; the new value."""
        ...


@final
class Vault:
    """One device's ledger, open and locked. Make it with ``create`` or ``open``; then ``close``.

    Every call that spends returns only after the charge is durable. Where writing fails the
    vault closes itself and raises OSError; nothing may be sent, and ``open`` finds out what is
    on disk. ``ledger`` is the value for reading; ``mended`` says what ``open`` put right.
    """

    def __init__(self, folder: Path, key: SigningKey, counter: Counter | None) -> None:
        self._folder, self._counter = folder, counter
        self._sign, self._check = signer(key), checker(key.public)
        self._file: int | None = _locked(folder / LEDGER)
        self.mended: Mended = "nothing"
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(
        cls,
        folder: Path,
        limits: Limits,
        key: SigningKey,
        minute: int,
        *,
        counter: Counter | None = None,
        spent_before: int = 0,
    ) -> Vault:
        """A new ledger in a folder that does not exist yet, or is empty.

        spent_before: see ``DeviceLedger.opened``; the whole lifetime for a device enrolled again.
        The folder appears at once and whole; a crash leaves at most a folder beside it, named
        ``.NAME.new...``, that nobody reads. Raises FileExistsError.
        """
        sign = signer(key)
        ledger, line = DeviceLedger.opened(limits, minute, sign, spent_before=spent_before)
        record = _record(ledger.head, 1, None if counter is None else counter.read(), sign)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new", dir=folder.parent))
        try:
            durable.write_new(made / LEDGER, line)
            durable.write_new(made / HEAD, record)
            durable.sync_folder(made)
            os.rename(made, folder)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            if error.errno not in _TAKEN:
                raise
            raise FileExistsError(f"{folder} holds something; a ledger is never replaced") from None
        durable.sync_folder(folder.parent)
        return cls(folder, key, counter)

    @classmethod
    def open(cls, folder: Path, key: SigningKey, *, counter: Counter | None = None) -> Vault:
        """The ledger in ``folder``, after putting right what a crash may have left.

        counter: the one it was created with. Raises Refused: ledger_in_use where another process
        (or another Vault of this one) has it, ledger_corrupt where it is missing or not whole.
        """
        return cls(folder, key, counter)

    @property
    def ledger(self) -> DeviceLedger:
        """The present value: for reading, checking, and the machines of ``rounds``."""
        return self._ledger

    def append(self, line: bytes) -> None:
        """Make a line durable that ``ledger`` (or a machine holding it) has written.

        Raises Refused("ledger_corrupt") where the ledger cannot have this line next: it was
        changed, or written for an older ledger. Nothing is written then.
        """
        following = self._ledger.followed(line, self._check)
        try:
            self._make_durable(line, following, advance=True)
        except BaseException:
            # What is on disk now is for ``open`` to find out, not to be guessed here.
            self.close()
            raise

    def join(self, contract: Contract, minute: int) -> None:
        """``DeviceLedger.join``, durable."""
        self.append(self._ledger.join(contract, minute)[1])

    def charge(self, plan_hash: str, round_number: int, minute: int) -> None:
        """``DeviceLedger.charge``, durable: after this, and not before, the upload may leave."""
        self.append(self._ledger.charge(plan_hash, round_number, minute)[1])

    def ask(self, query: str, rho_units: int, minute: int) -> None:
        """``DeviceLedger.ask``, durable: after this, and not before, the answer may leave."""
        self.append(self._ledger.ask(query, rho_units, minute)[1])

    def leave(self, plan_hash: str, minute: int) -> None:
        """``DeviceLedger.leave``, durable."""
        self.append(self._ledger.leave(plan_hash, minute)[1])

    def lower_limits(self, limits: Limits, minute: int) -> None:
        """``DeviceLedger.lower``, durable. Raises ValueError where a limit would rise."""
        self.append(self._ledger.lower(limits, minute)[1])

    def export(self) -> bytes:
        """Every line, for the wearer: ``DeviceLedger.restored`` reads it. Not for a server."""
        return self._content()

    def close(self) -> None:
        """Let go of the lock. Closing twice does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Vault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _content(self) -> bytes:
        """Of the file that is locked, whatever is at its path by now."""
        return os.pread(self._open_file, os.fstat(self._open_file).st_size, 0)

    @property
    def _open_file(self) -> int:
        if self._file is None:
            raise ValueError("this vault is closed; open it again")
        return self._file

    def _read(self) -> None:
        """Ledger and head as they are on disk; what a crash left is put right."""
        record = _read_record(self._folder / HEAD, self._check)
        head, count = record["previous"], record["lines"]
        lines = self._content().splitlines(keepends=True)
        known, more = b"".join(lines[:count]), lines[count:]
        if len(lines) < count or len(more) > 1:
            raise Refused("ledger_corrupt", "the ledger has not as many lines as its head says")
        self._ledger = DeviceLedger.restored(known, head, self._check, self._sign)
        self._size, self._count = len(known), count
        whole = [line for line in more if line.endswith(b"\n")]
        following = [self._ledger.followed(line, self._check) for line in whole]
        behind = self._behind(record["counter"], len(whole))
        if following:
            # Written once more, in its place: the kernel may have shown bytes that it never wrote.
            self._make_durable(whole[0], following[0], advance=behind)
            self.mended = "last line kept"
        elif more:
            self._write(b"")
            self.mended = "torn line cut"

    def _behind(self, recorded: int | None, unrecorded: int) -> bool:
        """Whether the counter has yet to advance for the line that the head does not cover.

        Raises Refused where the counter says that there were more lines than these.
        """
        if (recorded is None) != (self._counter is None):
            raise Refused("ledger_corrupt", "the ledger belongs with a counter, or with none")
        if self._counter is None or recorded is None:
            return False
        ahead = self._counter.read() - recorded
        if not 0 <= ahead <= unrecorded:
            raise Refused("ledger_corrupt", "the counter says that the ledger was set back")
        return ahead < unrecorded

    def _make_durable(self, line: bytes, following: DeviceLedger, *, advance: bool) -> None:
        self._write(line)
        value = None
        if self._counter is not None:
            value = self._counter.advance() if advance else self._counter.read()
        record = _record(following.head, self._count + 1, value, self._sign)
        durable.replace(self._folder / HEAD, record)
        self._size, self._count, self._ledger = self._size + len(line), self._count + 1, following

    def _write(self, line: bytes) -> None:
        """``line`` behind the lines that the head covers, in place of whatever is there."""
        durable.overwrite(self._open_file, line, self._size)


def _locked(path: Path) -> int:
    """A descriptor of the ledger file, locked for as long as it is open. Raises Refused."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("ledger_corrupt", "there is no ledger here; it counts as spent") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise Refused("ledger_in_use", "another process holds the ledger") from None
    return file


def _record(head: str, lines: int, counter: int | None, sign: Sign) -> bytes:
    """The head record: itself a signed line that follows the ledger's last, but never its next."""
    return chained(head, {"kind": "head", "lines": lines, "counter": counter}, sign)[0]


def _read_record(path: Path, check: Check) -> dict[str, Any]:
    try:
        record = entry_of(path.read_bytes(), check)
    except FileNotFoundError:
        raise Refused("ledger_corrupt", "the ledger's head is missing") from None
    except Tampered as fault:
        raise Refused("ledger_corrupt", f"the ledger's head {fault}") from None
    match record:
        case {"kind": "head", "lines": int(), "counter": int() | None}:
            return record
        case _:
            raise Refused("ledger_corrupt", "the ledger's head is no head")
