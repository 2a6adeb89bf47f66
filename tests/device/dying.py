"""A device that dies at a chosen system call: ``python -m tests.device.dying FOLDER CALL kept|lost [half]``.

It opens the vault in FOLDER and, for each round of ROUNDS not charged yet, charges it and then
"sends" (a durable line in FOLDER.sent). Before system call number CALL it kills itself with
SIGKILL; with ``half``, a write that is due then is done by half first. With ``lost`` it also takes
away what was not made durable, as a power cut may: bytes behind the last fsync of the ledger, and
a head whose folder or whose bytes were not synced. It leaves without dying (status 0) where CALL is
never reached. Where there is no FOLDER it creates the vault instead (``kept`` only).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from holter.crypto.signature import SigningKey
from holter.device.vault import HEAD, LEDGER, Vault
from holter.privacy.contract import Contract, Limits

KEY = SigningKey(bytes(range(32)))
PLAN, ROUNDS, MINUTE = "ab" * 32, (3, 8), 29_000_000
CONTRACT = Contract(PLAN, 40, 4, 5, 125, "activity")
CALLS = ("mkdir", "open", "pwrite", "ftruncate", "fsync", "rename", "replace", "unlink")


class Death:
    """Counts system calls, and ends the process before one of them."""

    def __init__(self, folder: Path, call: int, *, lost: bool, half: bool) -> None:
        self.folder, self.call, self.lost, self.half = folder, call, lost, half
        self.ledger = self.head = b""
        if folder.exists():
            self.ledger, self.head = (folder / LEDGER).read_bytes(), (folder / HEAD).read_bytes()
        self.written = {self.head}
        self.real = {name: getattr(os, name) for name in CALLS}
        for name in CALLS:
            setattr(os, name, self._counted(name))

    def _counted(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.call -= 1
            if self.call < 0:
                self._die(name, arguments)
            result = self.real[name](*arguments, **named)
            if name == "fsync":
                self._durable(arguments[0])
            return result

        return call

    def _durable(self, file: int) -> None:
        synced = Path(os.readlink(f"/proc/self/fd/{file}"))
        if synced == self.folder / LEDGER:
            self.ledger = synced.read_bytes()
        elif synced == self.folder / (HEAD + ".new"):
            self.written.add(synced.read_bytes())
        elif synced == self.folder:  # the new name is safe; the bytes behind it only if synced too
            head = (self.folder / HEAD).read_bytes()
            self.head = head if head in self.written else b""

    def _die(self, name: str, arguments: tuple[Any, ...]) -> None:
        for each, real in self.real.items():
            setattr(os, each, real)
        if self.half and name == "pwrite":
            file, data, offset = arguments
            os.pwrite(file, data[: len(data) // 2], offset)
        if self.lost:
            (self.folder / LEDGER).write_bytes(self.ledger)
            (self.folder / HEAD).write_bytes(self.head)
        os.kill(os.getpid(), signal.SIGKILL)


def create(folder: Path) -> None:
    """A vault that has joined the campaign."""
    with Vault.create(folder, Limits(), KEY, MINUTE) as vault:
        vault.join(CONTRACT, MINUTE)


def live(folder: Path) -> None:
    """Charge and send every round that is not charged yet."""
    with Vault.open(folder, KEY) as vault:
        for number in ROUNDS:
            if number not in vault.ledger.campaigns[PLAN].rounds:
                vault.charge(PLAN, number, MINUTE)
                file = os.open(folder.with_suffix(".sent"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(file, f"{number}\n".encode())
                os.fsync(file)
                os.close(file)


if __name__ == "__main__":
    where = Path(sys.argv[1]).resolve()
    Death(where, int(sys.argv[2]), lost=sys.argv[3] == "lost", half="half" in sys.argv)
    live(where) if where.exists() else create(where)
