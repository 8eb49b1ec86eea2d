"""An operator invites somebody to a role for an area."""

from datetime import UTC, datetime

from config import district as district_files
from config.settings import Settings
from domain.areas import Level
from domain.people import Role
from storage.database import Database
from storage.migrate import migrate
from storage.people import PeopleStore


class BadInvitation(ValueError):
    """The role or the area does not exist, or the two do not go together."""


async def invite(settings: Settings, role: str, area: str, department: str | None = None) -> str:
    """A new one-time code.

    Raises:
        BadInvitation: no such role, area or department, or a role that is not held for such an area.
    """
    district = district_files.load(settings.district)
    if role not in [each for each in Role if each is not Role.RESIDENT]:
        raise BadInvitation(f"没有「{role}」这个身份。可以是：{'、'.join(each for each in Role if each != 'resident')}")
    if role == Role.MEDIATOR and area not in district.rooms:
        raise BadInvitation(f"没有「{area}」这个调解室。可以是：{'、'.join(district.rooms)}（见 mediation.toml）")
    if role != Role.MEDIATOR and area not in district.areas and area not in district.grids:
        raise BadInvitation(f"没有 {area} 这个代码。区划代码 12 位，网格码 15 位。")
    if (role == Role.DEPARTMENT) != (department is not None):
        raise BadInvitation("部门的人要写 --department，别的身份不用写。")
    if department is not None and department not in district.departments:
        raise BadInvitation(
            f"没有「{department}」这个部门。可以是：{'、'.join(district.departments)}（见 departments.toml）"
        )
    fitting = {
        Role.GRIDWORKER: (Level.GRID,),
        Role.COMMUNITY: (Level.COMMUNITY, Level.VILLAGE),
        Role.GRID_LEADER: (Level.COMMUNITY, Level.VILLAGE, Level.GRID),
        Role.STREET: (Level.STREET,),
        Role.DISTRICT: (Level.DISTRICT,),
    }.get(Role(role))
    if department is not None:
        level = district.departments[department].level
        fitting = (level, Level.VILLAGE) if level is Level.COMMUNITY else (level,)
    level = district.areas[area].level if area in district.areas else Level.GRID
    if fitting and level not in fitting:
        raise BadInvitation(f"{role} 不能管 {area}（{district.area_name(area)}）：级别不对。")
    database = Database(settings.database_url)
    try:
        await migrate(database)
        return await database.write(
            lambda connection: PeopleStore(connection, datetime.now(UTC)).invite(
                role=Role(role), area=area, department=department
            )
        )
    finally:
        await database.close()
