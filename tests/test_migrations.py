"""Each step of the tables goes up, down and up again, and ends where the models are."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, bindparam, inspect, text

from bot.app import Knowledge, build
from bot.core.talk import Ask, Talk, conversation
from bot.core.words import Address, Said
from config.settings import Settings
from nlp import plain
from storage import migrate
from storage.database import Connection as Tables
from storage.database import Database
from storage.desk import Desk
from storage.tables import Base, Moment
from tests.conftest import Postgres
from tests.play import START


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    server.run("CREATE DATABASE empty_tables")
    yield server.url("empty_tables")
    server.run("DROP DATABASE empty_tables WITH (FORCE)")


async def test_every_step_goes_up_down_and_up_again(empty_url: str) -> None:
    database = Database(empty_url)

    async def walk(connection: Tables) -> None:
        steps = await connection.run_sync(_steps)
        for step in steps:
            before = await connection.run_sync(_tables)
            await connection.run_sync(migrate.to, step)
            after = await connection.run_sync(_tables)
            await connection.run_sync(migrate.to, steps[steps.index(step) - 1] if step != steps[0] else "base")
            assert await connection.run_sync(_tables) == before | {"alembic_version"}
            await connection.run_sync(migrate.to, step)
            assert await connection.run_sync(_tables) == after

    await database.write(walk)
    await database.close()


async def test_the_models_are_what_the_steps_make(empty_url: str) -> None:
    database = Database(empty_url)
    await migrate.migrate(database)
    assert await database.write(lambda connection: connection.run_sync(_differences)) == []
    await database.close()


async def test_a_start_on_tables_in_shape_changes_nothing_and_two_starts_at_once_are_one(empty_url: str) -> None:
    first, second = Database(empty_url), Database(empty_url)
    await asyncio.gather(migrate.migrate(first), migrate.migrate(second))
    assert await first.write(lambda connection: connection.run_sync(_differences)) == []
    await first.close()
    await second.close()


async def test_a_new_release_with_a_migration_and_a_new_question_goes_on_with_what_was_open(
    settings: Settings, knowledge: Knowledge
) -> None:
    where, what, when = (Ask(f"report.{name}", plain.words()) for name in ("where", "what", "kind"))
    told: list[tuple[str, ...]] = []

    @conversation("report", opens_with=["报事"])
    async def before(talk: Talk[Desk]) -> None:
        told.append((await talk.ask(where), await talk.ask(what)))

    @conversation("report", opens_with=["报事"])
    async def after(talk: Talk[Desk]) -> None:
        told.append((await talk.ask(where), await talk.ask(when), await talk.ask(what)))

    people = [Address("web", "chat", f"p{number}") for number in range(30)]
    old = build(settings, clock=lambda: START, knowledge=knowledge, conversations=[before])
    for each in people:
        for number, words in enumerate(("报事", f"{each.chat} 家楼下")):
            await old.turns.take(Said(each, f"{each.chat}:{number}", START, words))
    await old.desks.database.write(lambda connection: connection.run_sync(migrate.to, "0001"))
    await old.desks.database.close()

    # Two processes of the new release start at once, and people write to either while they do.
    new = [build(settings, clock=lambda: START, knowledge=knowledge, conversations=[after]) for _ in range(2)]
    await asyncio.gather(*(service.prepare() for service in new))
    later = START + timedelta(seconds=30)
    for number, words in enumerate(("路灯", "昨晚"), 2):
        await asyncio.gather(
            *(
                new[(place + number) % 2].turns.take(Said(each, f"{each.chat}:{number}", later, words))
                for place, each in enumerate(people)
            )
        )
    for service in new:
        await service.desks.database.close()
    # The question asked by the old release took its answer; the one put in before it was asked next.
    assert sorted(told) == sorted((f"{each.chat} 家楼下", "昨晚", "路灯") for each in people)


_BEFORE_THE_ROLL = (
    (
        "INSERT INTO people (id, phone_public, hours, language, sample, created_at, grid) "
        "VALUES (901, FALSE, '', 'zh', FALSE, :at, '230203002001001'), (902, FALSE, '', 'zh', FALSE, :at, NULL)"
    ),
    (
        "INSERT INTO ballots (id, area, question, options, host_id, opened_at, closes_at, closed_at, cancelled) VALUES "
        "(1, '230203002001', 'open', '[\"a\", \"b\"]', 901, :at, :later, NULL, NULL), "
        "(2, '230203002001', 'closed', '[\"a\", \"b\"]', 901, :at, :at, :at, NULL), "
        "(3, '230203002001', 'called off', '[\"a\", \"b\"]', 901, :at, :later, :at, 'why')"
    ),
    (
        "INSERT INTO votes (ballot_id, person_id, option, at) VALUES (1, 901, 1, :at), (1, 902, 0, :at), "
        "(2, 901, 0, :at), (2, 902, 0, :at), (3, 901, 1, :at)"
    ),
    (
        "INSERT INTO contacts (id, platform, account, chat, person_id, state, heard_at) "
        "VALUES (911, 'web', 'chat', 'x', 901, '', :at)"
    ),
    (
        "INSERT INTO outbox (id, contact_id, lane, kind, priority, body, state, queued_at, due_at, attempts) VALUES "
        "(921, 911, 'web:chat', 'reply', 0, :body, 'sent', :at, :at, 0)"
    ),
)


async def test_votes_kept_with_their_voters_are_taken_apart(settings: Settings, knowledge: Knowledge) -> None:
    service = build(settings, clock=lambda: START, knowledge=knowledge)
    told = (
        '{"text":"投票成功。\\n题目\\n您选了：b\\n可以改。",'
        '"choices":[{"label":"改一改","opens":"vote","given":{"ballot":"1"}}]}'
    )
    given = {"at": START, "later": START + timedelta(days=1), "body": told}

    async def older(connection: Tables) -> None:
        await connection.run_sync(migrate.to, "0005")
        for statement in _BEFORE_THE_ROLL:
            values = {name: value for name, value in given.items() if f":{name}" in statement}
            binds = [bindparam(name, type_=Moment) for name in values if name != "body"]
            await connection.execute(text(statement).bindparams(*binds), values)

    await service.desks.database.write(older)
    await service.prepare()

    async def look(connection: Tables, asked: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.execute(text(asked))]

    roll, urn, outbox = [
        await service.desks.database.read(partial(look, asked=asked))
        for asked in (
            "SELECT * FROM roll ORDER BY 1, 2",
            "SELECT * FROM urn",
            "SELECT body FROM outbox WHERE id = 921",
        )
    ]
    [ballot] = await service.desks.read(lambda desk: desk.ballots.open_for("230203002001001"))
    seal = service.desks.keys.seal(ballot.key or "")
    sealed = {person: seal.open(slip, envelope) for number, person, _, slip, envelope, *_ in roll if number == 1}
    assert sealed == {901: (1,), 902: (0,)}
    assert [tuple(row)[:5] for row in roll if row[0] != 1] == [(2, 901, 901, None, None), (2, 902, 902, None, None)]
    assert [(row[0], row[2]) for row in urn] == [(2, "[0]"), (2, "[0]")]
    assert "您选了" not in str(outbox)
    assert "可以改" in str(outbox)
    # What was told before is not told again; the open one goes on and is counted.
    assert [each.id for each in await service.desks.read(lambda desk: desk.ballots.unfinished())] == []
    await service.desks.database.close()


def test_the_last_step_is_the_one_the_release_expects() -> None:
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_current_head() == migrate.HEAD


def _steps(connection: Connection) -> list[str]:
    scripts = ScriptDirectory.from_config(migrate.configuration(connection))
    return [step.revision for step in reversed(list(scripts.walk_revisions()))]


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))
