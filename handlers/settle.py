"""A resident says which grid they live in, so that one sentence is enough from then on."""

from bot.core.talk import Ask, Talk, conversation
from domain.residents import GridChosen
from handlers import where
from nlp import place
from storage.desk import Desk

WHERE = Ask("settle.where", where.read)


@conversation("settle", opens_with=["我住在", "我住", "设置住处", "换网格"])
async def settle(talk: Talk[Desk]) -> GridChosen:
    if code := talk.given.get("grid"):
        return GridChosen(talk.person.id, code)
    found = place.find(talk.opening.text, talk.district) if talk.opening.text else None
    spot = await where.ask(talk, WHERE, found, sure=True)
    return GridChosen(talk.person.id, spot.grid)
