"""What of a case somebody may see: the one place where it is decided, for chats, pages, pushes and pictures alike."""

from dataclasses import dataclass

from domain.cases import Case, Part, parts
from domain.catalogue import Category
from domain.people import Person, Role


@dataclass(frozen=True, slots=True)
class Sight:
    """What is shown of a case besides its number, kind, state, promised time and steps.

    `door`: the place as it was said, else its estate. `words`: what was said, by whoever. `photos`: of before and
    after. `inside`: what colleagues say among themselves, and how to reach the reporter, unless they are unnamed.
    """

    door: bool
    words: bool
    photos: bool
    inside: bool
    phone: bool


# Whose business it is to read all that was said.
_SEEING = {Part.WORKER, Part.CHECKER, Part.LEADER, Part.STAFF, Part.BELOW, Part.COLLEAGUE}
_OWN = Sight(door=True, words=True, photos=True, inside=False, phone=False)


def hidden(case: Case, category: Category) -> bool:
    """Whether more of it is kept back than of other cases."""
    return case.anonymous or category.private


def visible(case: Case, person: Person, category: Category, *, follows: bool = False) -> Sight | None:
    """What this person may see; None: not even that there is such a case."""
    playing = playing_in(case, person, category, follows=follows)
    if not playing:
        return None
    kept_back = hidden(case, category)
    own = case.reporter_id == person.id
    if not playing & _SEEING:
        if own:
            return _OWN
        # A photo of how it looks now shows the door as well as words do.
        return Sight(door=False, words=False, photos=not kept_back, inside=False, phone=False)
    handles = not kept_back or handling(case, person, playing)
    return Sight(
        door=handles or own,
        words=True,
        photos=handles or own,
        inside=True,
        # Whoever is only asked to take it over need not reach anybody yet.
        phone=handles and not own and not case.anonymous and playing != {Part.COLLEAGUE},
    )


def playing_in(case: Case, person: Person, category: Category, *, follows: bool = False) -> set[Part]:
    """The parts somebody plays in a case: what is about the gridworkers of a place is not theirs for being of it."""
    playing = parts(case, person, follows=follows)
    if category.to_staff:
        playing.discard(Part.LEADER)
        if case.worker_id != person.id and not case.department:
            playing.discard(Part.WORKER)
    return playing


def handling(case: Case, person: Person, playing: set[Part]) -> bool:
    """Whether they go to the door: the one who has it, who checks it, who had a hand in it, and the community."""
    return bool(
        playing & {Part.WORKER, Part.CHECKER, Part.LEADER}
        or person.id in case.doers
        or person.serves(case.grid, (Role.COMMUNITY,))
    )
