"""The keys of ballots still open: in a folder beside the database, never in it, and gone soon after the count.

While a key lives, what is sealed under it can be read by whoever has both; once it is gone, by nobody, whatever was
backed up. See docs/decisions/0017.
"""

import base64
import hmac
import itertools
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.counting import Paper

# No 0/O, 1/I/L: receipts are read aloud and copied by hand. There are 31¹²: of 300,000 no two are alike.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_RECEIPT, _NONCE, _EMPTY = 12, 12, 0xFF
# Every paper is as long as the longest, or its length would tell what is on it.
_LONGEST_PAPER, _DRAFT = 8, 16
_PHONES = "phones"
# Known to backup programs as something that is not to be kept (bford.info/cachedir).
_NOT_TO_BE_KEPT = "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"


class KeyGone(LookupError):
    """The key has been destroyed, or this process cannot see the folder it lies in."""


class Seal:
    """One ballot's key at work."""

    def __init__(self, secret: bytes) -> None:
        self._receipts = hmac.digest(secret, b"receipts", "sha256")
        self._papers = AESGCM(hmac.digest(secret, b"papers", "sha256"))
        self._words = AESGCM(hmac.digest(secret, b"words", "sha256"))

    def receipt(self, slip: str) -> str:
        """The code a voter gets: K7QM-3XPA-9DWT."""
        number = int.from_bytes(hmac.digest(self._receipts, slip.encode(), "sha256"), "big")
        letters = ""
        for _ in range(_RECEIPT):
            number, place = divmod(number, len(_LETTERS))
            letters += _LETTERS[place]
        return "-".join(letters[start : start + 4] for start in range(0, _RECEIPT, 4))

    def shut(self, slip: str, paper: Paper) -> str:
        """A paper in its envelope, all of one length; it opens with the same slip only."""
        plain = bytes(paper).ljust(_LONGEST_PAPER, bytes([_EMPTY]))
        return _shut(self._papers, plain, slip.encode())

    def open(self, slip: str, envelope: str) -> Paper:
        """What is in an envelope.

        Raises:
            ValueError: it was changed, or belongs to another slip.
        """
        return tuple(mark for mark in _open(self._papers, envelope, slip.encode()) if mark != _EMPTY)

    def hide(self, words: str, room: int) -> str:
        """Words nobody can read without the key; always `room` bytes, so that their length tells nothing."""
        return _shut(self._words, words.encode().ljust(room, b"\0"), b"")

    def draft(self, marks: Paper) -> str:
        """What somebody has marked so far, for a button to carry: nobody reads it, and its length tells nothing."""
        return self.hide("".join(map(str, marks)), _DRAFT)

    def drafted(self, token: str) -> Paper:
        """What a button carries; raises ValueError for what is none of ours."""
        return tuple(map(int, self.show(token)))

    def show(self, token: str) -> str:
        """The words hidden; raises ValueError for what is none of ours."""
        return _open(self._words, token, b"").rstrip(b"\0").decode()


class Keys:
    """The folder of keys. Every process of the service must see the same one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> str:
        """A new key, flushed to disk; returns its name. Blocks for a few milliseconds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tag, signature = _NOT_TO_BE_KEPT
        (self._folder / tag).write_text(signature)
        name = secrets.token_hex(8)
        with os.fdopen(os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        _settle(self._folder)
        return name

    def seal(self, name: str) -> Seal:
        """The key at work. Read anew each time, so that no process remembers one that was destroyed.

        Raises:
            KeyGone: it is not there.
        """
        try:
            return Seal((self._folder / name).read_bytes())
        except FileNotFoundError:
            raise KeyGone(name) from None

    def show(self, name: str, token: str) -> str | None:
        """Words hidden under a key, None once it is gone."""
        try:
            return self.seal(name).show(token)
        except (KeyGone, ValueError):
            return None

    def phone(self, digits: str) -> str:
        """A phone number as rosters keep it: a digest nobody makes who has the database alone, not by trying them all.

        Its key stays for good. Is it lost, rosters are imported again. Blocks for a few milliseconds.
        """
        path = self._folder / _PHONES
        if not path.exists():
            made = self._folder / self.make()
            # Two at once: whoever comes second takes the first one's.
            with suppress(FileExistsError):
                os.link(made, path)
            made.unlink()
        return hmac.digest(path.read_bytes(), digits.encode(), "sha256").hex()

    def destroy(self, name: str) -> None:
        """Overwrite and remove a key; one that is gone already is gone."""
        path = self._folder / name
        try:
            with path.open("r+b") as file:
                file.write(bytes(32))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)
        _settle(self._folder)

    def all(self) -> set[str]:
        """The names of the keys there are."""
        return {path.name for path in self._folder.glob("[0-9a-f]" * 16)}


def new_slip() -> str:
    """What a voter's receipt is made from, together with the key; says nothing by itself.

    Chance is no parameter here: a slip that can be foreseen is a mistake, in a test too.
    """
    return secrets.token_urlsafe(12)


def as_receipt(typed: str) -> str | None:
    """A receipt as somebody typed it, with or without its dashes; None when it is none."""
    letters = "".join(each for each in typed.upper() if each.isalnum())
    if len(letters) != _RECEIPT or not set(letters) <= set(_LETTERS):
        return None
    return "-".join(letters[start : start + 4] for start in range(0, _RECEIPT, 4))


def opened(seal: Seal, envelopes: Iterable[tuple[str, str, int]]) -> list[tuple[str, Paper, int]]:
    """All papers with their receipts and whose they are, in the order of the receipts: that of casting is not in it.

    Raises:
        ValueError: an envelope was changed, or copied from one voter to another.
    """
    found = sorted((seal.receipt(slip), seal.open(slip, envelope), voter) for slip, envelope, voter in envelopes)
    if any(one[0] == other[0] for one, other in itertools.pairwise(found)):
        raise ValueError("two envelopes with one receipt")
    return found


def read(seal: Seal, slip: str, readings: Mapping[int, str]) -> dict[int, Paper]:
    """What each who entered a ballot paper read on it; raises ValueError when a reading was changed or copied."""
    return {person: seal.open(reading(slip, person), envelope) for person, envelope in readings.items()}


def reading(slip: str, person: int) -> str:
    """What one person's reading of a paper is bound to: nobody's can be copied to stand for another's."""
    return f"{slip}:{person}"


def _shut(key: AESGCM, plain: bytes, bound: bytes) -> str:
    nonce = secrets.token_bytes(_NONCE)
    return base64.urlsafe_b64encode(nonce + key.encrypt(nonce, plain, bound)).decode()


def _open(key: AESGCM, shut: str, bound: bytes) -> bytes:
    raw = base64.urlsafe_b64decode(shut)
    try:
        return key.decrypt(raw[:_NONCE], raw[_NONCE:], bound)
    except InvalidTag:
        raise ValueError("not shut under this key, or changed since") from None


def _settle(folder: Path) -> None:
    """Flush a folder: a key that a power cut takes back would leave a ballot that cannot be counted."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
