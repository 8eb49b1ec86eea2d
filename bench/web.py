"""How many turns a second through the chat page, on one core, beside the same aiogram peer on its webhook."""

from bench import contestants
from bench.lab import Lab, in_turns, median, staying
from bench.people import Spoken, Town, newcomers
from bench.results import Figure
from bench.throughput import RESIDENTS
from bench.web_people import WebTown

# Enough for 1,800 turns a second with time to breathe.
_PAGES = 1000


async def measure(lab: Lab) -> list[Figure]:
    started = {
        "xiaomazha": await contestants.service(lab.api, lab.folder),
        "aiogram_orm": await contestants.peer(lab.api, lab.folder, "aiogram_orm"),
    }
    async with staying(*started.values()):
        pages = WebTown()
        await pages.move_in([started["xiaomazha"].web], 200 if lab.quick else _PAGES)
        started["xiaomazha"].pause()
        town = Town(started["aiogram_orm"].account, newcomers(RESIDENTS))
        await town.settle_in()

        async def one(name: str) -> float:
            spoken = await (_on_the_page(pages, lab) if name == "xiaomazha" else town.talk(lab.seconds(12)))
            lab.say(f"{name}: {spoken.rate:.0f} turns/s")
            return spoken.rate

        rates = {name: median(found) for name, found in (await in_turns(lab, started, one)).items()}
        town.close()
    ours, peer = rates["xiaomazha"], rates["aiogram_orm"]
    return [
        Figure(
            "web",
            "durable turns, web adapter, one core ÷ aiogram + ORM",
            ours / peer,
            reach=6,
            aim=9,
            beside=f"{ours:.0f}/s beside {peer:.0f}/s",
        )
    ]


async def _on_the_page(pages: WebTown, lab: Lab) -> Spoken:
    # Opened anew each round: a socket would not outlive the pause while the peer has its turn.
    async with pages:
        return await pages.talk(lab.seconds(12))
