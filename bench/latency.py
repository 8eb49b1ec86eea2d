"""How long a person waits at 85 turns a second, from when they spoke to when the answer arrives, beside the peer."""

from bench import contestants
from bench.lab import Lab, in_turns, median, percentile, staying
from bench.people import Spoken, Town, newcomers
from bench.results import Figure

PER_SECOND = 85.0
_RESIDENTS = 200
_SHARES = {"p50": (0.50, 3.0), "p95": (0.95, 6.0), "p99": (0.99, 10.0)}


async def measure(lab: Lab) -> list[Figure]:
    started = {
        "xiaomazha": await contestants.service(lab.api, lab.folder, more=contestants.lifted()),
        "aiogram_orm": await contestants.peer(lab.api, lab.folder, "aiogram_orm"),
    }
    async with staying(*started.values()):
        towns = {}
        for name, contestant in started.items():
            towns[name] = Town(contestant.account, newcomers(_RESIDENTS))
            await towns[name].settle_in()
            contestant.pause()

        async def one(name: str) -> Spoken:
            spoken = await towns[name].talk_at(PER_SECOND, lab.seconds(20))
            for what, times in (("answer", spoken.answered), ("200", spoken.taken)):
                shown = ", ".join(
                    f"{share} {percentile(times, part) * 1000:.1f}" for share, (part, _) in _SHARES.items()
                )
                lab.say(f"{name}: to the {what} {shown} ms")
            return spoken

        rounds = await in_turns(lab, started, one)
        for town in towns.values():
            town.close()
    figures = []
    for share, (part, aim) in _SHARES.items():
        answered = {
            name: median([percentile(each.answered, part) for each in spoken]) * 1000 for name, spoken in rounds.items()
        }
        taken = {
            name: median([percentile(each.taken, part) for each in spoken]) * 1000 for name, spoken in rounds.items()
        }
        figures.append(
            Figure(
                f"latency_{share}",
                f"{share} at {PER_SECOND:.0f}/s, until the answer arrives",
                answered["xiaomazha"],
                "ms",
                reach=answered["aiogram_orm"],
                aim=aim,
                lower=True,
                beside=f"peer {answered['aiogram_orm']:.1f} ms; until 200: {taken['xiaomazha']:.1f}, "
                f"peer {taken['aiogram_orm']:.1f} ms",
            )
        )
    return figures
