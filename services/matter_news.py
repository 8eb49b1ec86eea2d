"""Whoever a step of a council matter concerns hears of it once: followers, hosts, the whole area."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.core.rules import when
from bot.core.words import Choice, Kind
from domain.councils import HOSTS, Electorate
from domain.matters import NEWS, Entry, Leaf, Matter, MatterMoved, Move, NewsSpread, Part, above, moved_on
from domain.people import Person
from domain.refusals import Refused
from services.matter_groups import look_in_private, tell_groups
from storage.desk import Desk

# Told in one transaction; the others in the next, so that nobody waits for them all.
_AT_ONCE = 200
_QUOTED = 300
# These speak to whoever proposed or supports it.
_NOT_FOR_GROUPS = (Move.HIDE, Move.MERGE)


@dataclass(frozen=True, slots=True)
class Doing:
    """One move on its way: what is moved, by whom, as what. The rules have let it pass; it is yet to be put down."""

    matter: Matter
    moved: MatterMoved
    person: Person
    part: Part
    leaf: Leaf | None
    desk: Desk

    @property
    def filed(self) -> Leaf:
        """The leaf it is about.

        Raises:
            Refused: it is about none.
        """
        if self.leaf is None:
            raise Refused("matter.not_found")
        return self.leaf

    async def put_down(self, *, leaf: Leaf | None = None, words: str | None = None, **more: Any) -> Matter:
        """The matter after the move, with its line in the journal; its followers hear of what is news to them."""
        filed = leaf or self.leaf
        after = replace(moved_on(self.matter, self.moved.move, self.desk.now), **more)
        said = self.moved.words if words is None else words
        await put_down(after, self.moved.move, self.desk, self.person.id, self.part, said, filed)
        return after

    async def answer(self, key: str, /, *, choices: Sequence[Choice] = (), **shown: Any) -> None:
        """Answer whoever made the move."""
        await self.desk.tell(self.person.id, key, choices=choices, **{"title": self.matter.title} | shown)


async def put_down(
    after: Matter,
    move: Move,
    desk: Desk,
    person_id: int | None = None,
    part: Part | None = None,
    words: str = "",
    leaf: Leaf | None = None,
) -> None:
    """A step that somebody or time took: the matter after it, its line in the journal, and whoever follows it."""
    await desk.matters.save(after)
    number = await desk.matters.log(after, person_id, part, move, words, leaf.id if leaf else None)
    if move in NEWS:
        await spread(NewsSpread(after.id, number), desk)


@when(NewsSpread)
async def spread_on(spreads: NewsSpread, desk: Desk) -> None:
    await spread(spreads, desk)


async def spread(spreads: NewsSpread, desk: Desk) -> None:
    """Some hundred followers hear of a step, the others in the next transaction. Of waiting news the newest is sent."""
    matter = await desk.matters.get(spreads.matter)
    entry = await desk.matters.entry(spreads.matter, spreads.step)
    if entry is None:
        return
    leaf = await desk.filed.get(entry.leaf_id)
    followers = await desk.voices.followers(matter.id, after=spreads.after, limit=_AT_ONCE)
    shown = await _shown(matter, entry, leaf, desk)
    if spreads.after == 0 and entry.move not in _NOT_FOR_GROUPS:
        await tell_groups(
            matter, desk, f"matter.news.{entry.move}", once=str(entry.number), choice=look_in_private(matter), **shown
        )
    photos = await desk.matters.photos(matter.id, leaf.id) if leaf and entry.move is Move.REPORT else ()
    for number in followers:
        if number != entry.person_id:
            await desk.tell(
                number,
                f"matter.news.{entry.move}",
                once=f"matter:{matter.id}:{entry.number}:{number}",
                topic=f"matter:{matter.id}",
                photos=photos,
                choices=[*_offered(matter, entry, leaf), unfollow(matter)],
                **shown,
            )
    if len(followers) == _AT_ONCE:
        rest = replace(spreads, after=followers[-1])
        await desk.plan(rest, desk.now, key=f"matter:{matter.id}:{entry.number}:after:{rest.after}")


async def _shown(matter: Matter, entry: Entry, leaf: Leaf | None, desk: Desk) -> dict[str, Any]:
    kept = await desk.matters.find(matter.merged_into) if matter.merged_into else None
    return {
        "title": matter.title,
        "place": matter.place,
        "reason": quoted(entry.words),
        "into": kept.title if kept else "",
        "level": desk.district.area_name(matter.raised_to) if matter.raised_to else "",
        "what": quoted(leaf.words) if leaf else "",
        "where": leaf.place if leaf else "",
        "at": leaf.due_at if leaf and leaf.due_at else entry.at,
    }


def _offered(matter: Matter, entry: Entry, leaf: Leaf | None) -> list[Choice]:
    if entry.move is Move.HIDE:
        return []
    if entry.move is Move.MEET and leaf is not None:
        return [button(matter, Move.ATTEND, leaf), look(matter)]
    return [look(matter)]


async def tell_hosts(
    matter: Matter,
    desk: Desk,
    key: str,
    /,
    *,
    choices: Sequence[Choice],
    once: str,
    over: int = 0,
    without: int | None = None,
    **shown: Any,
) -> bool:
    """Push to the hosts on the first level above rank `over` where one can be reached; True when there was one.

    `without`: who has just been told of it in another part.
    """
    area = above(matter.area, over)
    while area is not None:
        found = await desk.people.serving(area, HOSTS, reachable=True)
        for person in [each for each in found if each.id != without]:
            await desk.tell(
                person.id,
                key,
                kind=Kind.PUSH,
                once=f"matter:{matter.id}:{once}:{person.id}",
                choices=choices,
                title=matter.title,
                place=matter.place,
                **shown,
            )
        if found:
            return True
        over += 1
        area = above(matter.area, over)
    return False


async def tell_ground(
    matter: Matter, desk: Desk, key: str, /, *, once: str, choices: Sequence[Choice] = (), **shown: Any
) -> int:
    """Tell everybody it is about, those on its rosters too, once each, after quiet hours; returns how many."""
    return await desk.tell_area(
        matter.extent,
        key,
        once=f"matter:{matter.id}:{once}",
        electorate=Electorate.HOUSEHOLDS,
        choices=choices,
        title=matter.title,
        place=matter.place,
        **shown,
    )


def quoted(words: str, most: int = _QUOTED) -> str:
    """Somebody's words, cut where they would fill a screen."""
    return words if len(words) <= most else words[: most - 1] + "…"


# Buttons.


def button(matter: Matter, move: Move, leaf: Leaf | None = None, **given: str) -> Choice:
    """The button that makes a move with a matter."""
    about = {"leaf": str(leaf.id)} if leaf else {}
    return Choice(
        f"matter.button.{move}", opens="matter_move", given={"matter": str(matter.id), "move": move, **about, **given}
    )


def look(matter: Matter) -> Choice:
    return Choice("matter.look", opens="matter", given={"matter": str(matter.id)})


def unfollow(matter: Matter) -> Choice:
    return Choice("matter.unfollow", opens="matter_unfollow", given={"matter": str(matter.id)})


def ballot(matter: Matter) -> Choice:
    return Choice("ballot_open.title", opens="ballot_open", given={"matter": str(matter.id)})
