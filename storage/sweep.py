"""Photos nobody needs any more do not stay: what nothing points to, and what a crash left, goes after a day."""

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.core.errors import Unavailable
from storage import facts
from storage.database import Connection, Database
from storage.files import FileStore, Store, name

log = logging.getLogger("xiaomazha.files")

GRACE = timedelta(days=1)
_PHOTO = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})(\.thumb)?")
_OWNER = "owner"
# Where a store is asked for something that has no time of its own.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
# Removed under lock, and on SQLite everybody waits for it.
_AT_ONCE = 50


async def sweep(store: Store, database: Database, now: datetime) -> int:
    """Remove the photos nothing points to and nobody noted within the day; returns how many.

    Why it takes none that is needed, in however many processes it runs and whatever is said meanwhile:

    - Whoever points to a photo anew has noted it first (`Album.keep` and `draw`, `FileStore.renew`), and is done within
      the day. So what pointed to nothing when we looked and does so now has been noted since, and its row says so.
    - The row is looked at again and locked until the photo is gone. Who notes it meanwhile waits for us, and only then
      looks whether it is there: `keep` stores it anew, `renew` says that it is gone.
    - What points moves on: from what is held to the open conversation, from there to a case or a message, each step in
      one transaction. It is looked for in that order and in the cases last, so nothing slips by behind our back.

    A photo goes before its thumbnail and both before their row: cut off anywhere, the next sweep finishes. A photo
    without a row, from a crash between the two, is given one first, so that there is one way to go.
    """
    before = now - GRACE
    try:
        if not await _ours(store, database):
            log.error("the photos belong to another database and are not swept; %r beside them says to which", _OWNER)
            return 0
        await _adopt(store, database, before)
        return await _remove(store, database, now, before)
    except (OSError, Unavailable) as error:
        log.warning("the sweep of photos goes on in an hour: %s", error)
        return 0


async def _ours(store: Store, database: Database) -> bool:
    """Whether what lies here is this database's: to an empty one, or a copy put up for tests, all would be needless."""
    ours = await database.write(lambda connection: facts.locked(connection, "photos", secrets.token_hex(16)))
    try:
        return (await store.get(_OWNER)).decode() == ours
    except FileNotFoundError:
        await store.put(_OWNER, ours.encode())
        return True


async def _adopt(store: Store, database: Database, before: datetime) -> None:
    async for page in store.pages():
        old = {each: at for each, at in page if at < before}
        await store.remove([each for each in old if each.endswith(".part")])
        photos = {match[1]: at for each, at in old.items() if (match := _PHOTO.fullmatch(each))}
        lost = await database.read(partial(_without_row, photos))
        if lost:
            await database.write(partial(_adopted, {digest: photos[digest] for digest in lost}))


async def _without_row(photos: Mapping[str, datetime], connection: Connection) -> set[str]:
    return await FileStore(connection, _LONG_AGO).without_row(photos)


async def _adopted(photos: Mapping[str, datetime], connection: Connection) -> None:
    await FileStore(connection, _LONG_AGO).adopt(photos)


async def _remove(store: Store, database: Database, now: datetime, before: datetime) -> int:
    pointed_to = await database.read(lambda connection: FileStore(connection, now).pointed_to())
    removed, last = 0, ""
    while page := await database.read(partial(_unneeded, before, last)):
        last = page[-1]
        going = [digest for digest in page if digest not in pointed_to]
        for start in range(0, len(going), _AT_ONCE):
            removed += await database.write(partial(_let_go, store, going[start : start + _AT_ONCE], before))
    return removed


async def _unneeded(before: datetime, last: str, connection: Connection) -> list[str]:
    return await FileStore(connection, before).unneeded(before, last, _PAGE)


async def _let_go(store: Store, going: Sequence[str], before: datetime, connection: Connection) -> int:
    files = FileStore(connection, before)
    gone = await files.lock(going, before)
    await store.remove([name(digest) for digest in gone])
    await store.remove([name(digest, thumb=True) for digest in gone])
    await files.forget(gone)
    return len(gone)
