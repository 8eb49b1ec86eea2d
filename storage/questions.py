"""What residents asked in vain, gathered by what it asks; what staff answered; whom an answer helped."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from domain.areas import prefix
from domain.faq import Cluster, QuestionsSettled, Settled, Settling
from nlp.alike import ALIKE, Form
from storage import facts
from storage.database import Connection
from storage.tables import Answers, ClusterPieces, Clusters, Questions, Thumbs

# Counted up with every change of the answers: who has another number has not heard of it yet.
_VERSION = "answers"
_OPEN = Questions.answer_id.is_(None)
_WORDINGS = 5


class QuestionStore:
    """Reads and writes about questions and their answers."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._db = connection
        self._now = now

    # What is asked.

    async def keep(
        self,
        words: str,
        form: Form,
        person_id: int,
        grid: str | None,
        shown: Sequence[str] = (),
        *,
        unhelpful: bool = False,
    ) -> None:
        """Keep a question with its like; asked again by the same person it is renewed, not doubled."""
        # One after the other: two who ask the same at once are of one cluster.
        await facts.locked(self._db, "clusters", "")
        cluster = await self._like(form) or await self._begin(form)
        values: dict[str, Any] = {
            "words": words,
            "grid": grid,
            "at": self._now,
            "shown": " ".join(shown),
            "best": next(iter(shown), None),
            "unhelpful": unhelpful,
        }
        again = await self._db.scalar(
            update(Questions)
            .where(Questions.cluster_id == cluster, Questions.person_id == person_id, _OPEN)
            .values(**values)
            .returning(Questions.id)
        )
        if again is None:
            await self._db.execute(insert(Questions).values(person_id=person_id, cluster_id=cluster, **values))

    async def _like(self, form: Form) -> int | None:
        """The cluster that asks the same, the most alike first, the oldest of equals."""
        shared = func.count()
        found = await self._db.execute(
            select(Clusters.id, Clusters.size, shared.label("shared"))
            .join(ClusterPieces, ClusterPieces.cluster_id == Clusters.id)
            .where(ClusterPieces.piece.in_(sorted(form.pieces)), Clusters.asks == form.asks)
            .group_by(Clusters.id, Clusters.size)
            .having(2 * shared >= ALIKE * (Clusters.size + len(form.pieces)))
        )
        rows = [(2 * row.shared / (row.size + len(form.pieces)), -row.id) for row in found]
        return -max(rows)[1] if rows else None

    async def _begin(self, form: Form) -> int:
        added: int | None = await self._db.scalar(
            insert(Clusters).values(asks=form.asks, size=len(form.pieces), at=self._now).returning(Clusters.id)
        )
        if added is None:
            raise LookupError("the database gave no number for a new cluster")
        await self._db.execute(
            insert(ClusterPieces), [{"piece": piece, "cluster_id": added} for piece in sorted(form.pieces)]
        )
        return added

    async def last(self, person_id: int, since: datetime) -> tuple[str, str] | None:
        """What somebody asked last and the entries they were shown, if it is open and not older than that."""
        row = (
            await self._db.execute(
                select(Questions.words, Questions.shown)
                .where(Questions.person_id == person_id, Questions.at >= since, _OPEN)
                .order_by(Questions.at.desc(), Questions.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return (row.words, row.shown) if row else None

    async def count(self) -> int:
        """How many questions are open."""
        return await self._db.scalar(select(func.count()).select_from(Questions).where(_OPEN)) or 0

    # What staff see of it: the questions of their areas, no others.

    async def clusters(
        self, areas: Sequence[str], limit: int = 8, after: tuple[int, int] | None = None
    ) -> tuple[list[Cluster], tuple[int, int] | None]:
        """What is asked in these areas, by how many different people, the most first, then the newest.

        Goes on `after` where a page before ended; with it comes where this one ends, None when nothing is left.
        """
        askers, newest = func.count(Questions.person_id.distinct()), func.max(Questions.id)
        query = (
            select(Questions.cluster_id, askers.label("askers"), newest.label("newest"))
            .where(_OPEN, Questions.cluster_id.is_not(None), _within(areas))
            .group_by(Questions.cluster_id)
        )
        if after is not None:
            query = query.having(or_(askers < after[0], and_(askers == after[0], newest < after[1])))
        rows = (await self._db.execute(query.order_by(askers.desc(), newest.desc()).limit(limit + 1))).all()
        found = await self._whole([row.cluster_id for row in rows[:limit]], areas)
        more = len(rows) > limit
        return found, ((rows[limit - 1].askers, rows[limit - 1].newest) if more else None)

    async def cluster(self, cluster_id: int, areas: Sequence[str]) -> Cluster | None:
        """One cluster as it is open in these areas; None when it is not, or not there."""
        found = await self._whole([cluster_id], areas)
        return found[0] if found else None

    async def _whole(self, clusters: Sequence[int], areas: Sequence[str]) -> list[Cluster]:
        """These clusters as they are open in these areas, in this order."""
        rows = await self._db.execute(
            select(Questions.cluster_id, Questions.words, Questions.person_id, Questions.shown)
            .where(_OPEN, Questions.cluster_id.in_(clusters), _within(areas))
            .order_by(Questions.at.desc(), Questions.id.desc())
        )
        asked: dict[int, list[Any]] = {}
        for row in rows:
            asked.setdefault(row.cluster_id, []).append(row)
        return [_cluster(number, asked[number]) for number in clusters if number in asked]

    # What is made of it.

    async def settle(self, settled: QuestionsSettled, areas: Sequence[str], checked: date) -> int | None:
        """Put down what is made of a cluster and take its open questions of these areas with it.

        None when none is open any more: somebody else was first.
        """
        await self._db.execute(select(Clusters.id).where(Clusters.id == settled.cluster).with_for_update())
        cluster = await self.cluster(settled.cluster, areas)
        if cluster is None:
            return None
        number: int | None = await self._db.scalar(
            insert(Answers)
            .values(
                cluster_id=settled.cluster,
                kind=settled.kind,
                areas=" ".join(areas),
                by_id=settled.by,
                entry=settled.entry,
                question=settled.question,
                answer=settled.answer,
                source=settled.source,
                department=settled.department,
                phrasings="" if settled.kind is Settling.CLOSED else "\n".join(cluster.wordings),
                checked=checked,
                valid_until=settled.valid_until,
                at=self._now,
            )
            .returning(Answers.id)
        )
        await self._db.execute(
            update(Questions)
            .where(_OPEN, Questions.cluster_id == settled.cluster, _within(areas))
            .values(answer_id=number)
        )
        await self._changed()
        return number

    async def withdraw(self, answer_id: int, person_id: int) -> bool:
        """Take an answer back; False when it was already. The questions of those nobody has told are open again."""
        done = await self._db.scalar(
            update(Answers)
            .where(Answers.id == answer_id, Answers.withdrawn_at.is_(None))
            .values(withdrawn_at=self._now, withdrawn_by=person_id)
            .returning(Answers.id)
        )
        if done is None:
            return False
        await self.reopen(answer_id)
        await self._changed()
        return True

    async def reopen(self, answer_id: int) -> None:
        """The questions of those nobody has told are open again."""
        await self._db.execute(
            update(Questions)
            .where(Questions.answer_id == answer_id, Questions.told_at.is_(None))
            .values(answer_id=None)
        )

    async def _changed(self) -> None:
        await facts.put(self._db, _VERSION, str(int(await facts.locked(self._db, _VERSION, "0")) + 1))

    async def version(self) -> str:
        """Changes with every answer given or taken back."""
        return await facts.get(self._db, _VERSION) or "0"

    async def answer(self, answer_id: int, *, share: bool = False) -> Settled | None:
        """What was made of a cluster; `share`: it is not taken back while this transaction lives."""
        query = select(Answers).where(Answers.id == answer_id)
        row = (await self._db.execute(query.with_for_update(read=True) if share else query)).one_or_none()
        return _settled(row) if row else None

    async def made_of(self, cluster_id: int, person_id: int) -> int | None:
        """The newest thing somebody made of a cluster."""
        found: int | None = await self._db.scalar(
            select(func.max(Answers.id)).where(Answers.cluster_id == cluster_id, Answers.by_id == person_id)
        )
        return found

    async def in_force(self) -> list[Settled]:
        """The entries and phrasings of staff that hold, oldest first."""
        rows = await self._db.execute(
            select(Answers).where(Answers.withdrawn_at.is_(None), Answers.kind != Settling.CLOSED).order_by(Answers.id)
        )
        return [_settled(row) for row in rows]

    # Telling those who asked.

    async def untold(self, answer_id: int, after: int, limit: int) -> list[tuple[int, int, str]]:
        """Who asked and has not been told, as (person, newest question, its words), in the order of their numbers."""
        newest = (
            select(Questions.person_id, func.max(Questions.id).label("newest"))
            .where(
                Questions.answer_id == answer_id,
                Questions.told_at.is_(None),
                Questions.person_id.is_not(None),
                Questions.person_id > after,
            )
            .group_by(Questions.person_id)
            .order_by(Questions.person_id)
            .limit(limit)
            .subquery()
        )
        rows = await self._db.execute(
            select(newest.c.person_id, newest.c.newest, Questions.words)
            .join(newest, newest.c.newest == Questions.id)
            .order_by(newest.c.person_id)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def told(self, answer_id: int, people: Collection[int]) -> None:
        await self._db.execute(
            update(Questions)
            .where(Questions.answer_id == answer_id, Questions.person_id.in_([*people]))
            .values(told_at=self._now)
        )

    # Whether it helped.

    async def thumb(self, entry: str, person_id: int, *, useful: bool) -> None:
        """Note what somebody makes of an answer; the last word counts."""
        row = insert(Thumbs).values(entry=entry, person_id=person_id, useful=useful, at=self._now)
        await self._db.execute(
            row.on_conflict_do_update(
                index_elements=["entry", "person_id"], set_={"useful": row.excluded.useful, "at": row.excluded.at}
            )
        )

    async def helped(self, entry: str, person_id: int) -> None:
        """An entry shown to somebody was the answer after all: what they had asked is open no more."""
        rows = await self._db.execute(
            select(Questions.id, Questions.shown).where(Questions.person_id == person_id, _OPEN)
        )
        answered = [row.id for row in rows if entry in row.shown.split()]
        await self._db.execute(delete(Questions).where(Questions.id.in_(answered)))

    async def thumbs(self, entry: str) -> tuple[int, int]:
        """How many an answer helped, and how many not."""
        rows = await self._db.execute(
            select(Thumbs.useful, func.count()).where(Thumbs.entry == entry).group_by(Thumbs.useful)
        )
        found = {bool(useful): count for useful, count in rows}
        return found.get(True, 0), found.get(False, 0)

    async def forget(self, person_id: int) -> None:
        """What somebody asked is theirs; a cluster in which nobody is left goes with it."""
        await self._db.execute(delete(Thumbs).where(Thumbs.person_id == person_id))
        theirs = select(Questions.cluster_id).where(Questions.person_id == person_id)
        clusters = [number for number in await self._db.scalars(theirs) if number is not None]
        await self._db.execute(delete(Questions).where(Questions.person_id == person_id))
        left = exists().where(Questions.cluster_id == Clusters.id)
        empty = [*await self._db.scalars(select(Clusters.id).where(Clusters.id.in_(clusters), ~left))]
        await self._db.execute(delete(ClusterPieces).where(ClusterPieces.cluster_id.in_(empty)))
        await self._db.execute(delete(Clusters).where(Clusters.id.in_(empty)))

    async def merge(self, old: int, into: int) -> None:
        """Two numbers are one person."""
        await self._db.execute(update(Questions).where(Questions.person_id == old).values(person_id=into))
        marked = select(Thumbs.entry).where(Thumbs.person_id == into)
        await self._db.execute(delete(Thumbs).where(Thumbs.person_id == old, Thumbs.entry.in_(marked)))
        await self._db.execute(update(Thumbs).where(Thumbs.person_id == old).values(person_id=into))
        await self._db.execute(update(Answers).where(Answers.by_id == old).values(by_id=into))


def _within(areas: Sequence[str]) -> ColumnElement[bool]:
    """Asked by somebody of these areas; those who never said where they live are for the district's own staff."""
    if any(len(prefix(area)) <= 6 for area in areas):
        return true()
    return or_(*(and_(Questions.grid >= prefix(area), Questions.grid < prefix(area) + ":") for area in areas))


def _cluster(number: int, rows: Sequence[Any]) -> Cluster:
    """A cluster by its open questions, the newest first."""
    wordings = tuple(dict.fromkeys(row.words for row in rows))
    shown = tuple(dict.fromkeys(entry for row in rows for entry in row.shown.split()))
    askers = len({row.person_id for row in rows})
    return Cluster(number, askers, wordings[0], wordings[:_WORDINGS], shown[:_WORDINGS])


def _settled(row: Any) -> Settled:
    return Settled(
        row.id,
        Settling(row.kind),
        tuple(row.areas.split()),
        row.by_id,
        row.entry,
        row.question,
        row.answer,
        row.source,
        row.department,
        tuple(row.phrasings.split("\n")) if row.phrasings else (),
        row.checked,
        row.valid_until,
        row.withdrawn_at is not None,
    )
