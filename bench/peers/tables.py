"""What both framework peers remember: the tables a developer would write for this bot, as ORM models."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Integer, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Id = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    type_annotation_map = {int: Id, datetime: DateTime(timezone=True), dict[str, Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class Update(Base):
    """An update taken, so that Telegram's repeat of it is known."""

    __tablename__ = "updates"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class Person(Base):
    __tablename__ = "persons"
    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="zh")
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class Conversation(Base):
    """Where somebody stands, and what they have answered so far."""

    __tablename__ = "conversations"
    key: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Report(Base):
    __tablename__ = "reports"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    place: Mapped[str]
    words: Mapped[str]
    status: Mapped[str] = mapped_column(default="dispatched")
    opened_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


async def open_database(url: str) -> tuple[AsyncEngine, async_sessionmaker[AsyncSession]]:
    """Tables made, sessions ready; on SQLite as durable as the service: WAL, every commit on the disk."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        # One connection: measured faster than the default pool, whose connections wait for SQLite's lock asleep.
        engine = create_async_engine(
            parsed.set(drivername="sqlite+aiosqlite"), pool_size=1, max_overflow=0, pool_timeout=60
        )
        event.listen(engine.sync_engine, "connect", _durable)
    else:
        engine = create_async_engine(parsed.set(drivername="postgresql+asyncpg"), pool_size=10, max_overflow=10)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return engine, async_sessionmaker(engine, expire_on_commit=False)


def _durable(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
