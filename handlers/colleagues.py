"""Whoever hands something to a colleague sees those of the same community to choose from."""

from domain.people import WORKERS, Person
from storage.desk import Desk


async def workers_of(community: str, desk: Desk, *, reachable: bool) -> list[Person]:
    """The gridworkers of a community's grids in their order, then its grid leaders; nobody on leave, each once."""
    grids = desk.district.grids_in(community, desk.district.day(desk.now))
    areas = [*(grid.code for grid in grids), community]
    found = [person for area in areas for person in await desk.people.serving(area, WORKERS, reachable=reachable)]
    return list({person.id: person for person in found}.values())
