"""Starts who is under measure, each a process of its own on the same core, and looks how much memory it takes."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from bench.bot_api import Account, BotApi
from config.settings import Settings

HOME = Path(__file__).parent.parent
_CORES = sorted(os.sched_getaffinity(0))
# The measured live on one core; who speaks to them, the Bot API and PostgreSQL on the other.
THEIR_CORE, OUR_CORE = _CORES[0], _CORES[-1]
SPARE_CORE = _CORES[1] if len(_CORES) > 2 else None
SECRET, _PATH = "bench", "/telegram/bench"
_LATEST = 60.0
# Never the same bot in two runs: a database kept from an earlier one must not know its updates.
_bots = count(int(time.time()))


class NotStarted(Exception):
    """A contestant went away instead of listening; its last words are the message."""


@dataclass
class Contestant:
    """A bot that runs: its process, and what Telegram knows of it."""

    name: str
    account: Account
    port: int
    process: "subprocess.Popen[bytes]"
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> float:
        """What of it is in the machine's memory now: MB."""
        return resident_memory(self.process.pid)

    def pause(self) -> None:
        """Keep it from taking any of the core while another is measured."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def move(self, core: int) -> None:
        """Put it, with all its threads, on another core."""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})

    async def stop(self) -> None:
        self.resume()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self.process.wait, 20)
            return
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


def take_our_core() -> None:
    """Leave the other core to whoever is measured."""
    os.sched_setaffinity(0, {OUR_CORE})


def lifted() -> dict[str, str]:
    """Settings that lift the service's own pace, so that its speed is measured and not Telegram's limits."""
    wanted = {"telegram_per_second": "1000", "telegram_chat_gap": "0"}
    return {f"XIAOMAZHA_{name.upper()}": value for name, value in wanted.items() if name in Settings.model_fields}


def service_environment(
    folder: Path, port: int, database: str, *, telegram: tuple[str, str] | None, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What the service is told. `telegram`: the Bot API's url and a token."""
    given = {
        "XIAOMAZHA_DATABASE_URL": database,
        "XIAOMAZHA_FILES": str(folder / "files"),
        "XIAOMAZHA_KEYS": str(folder / "keys"),
        "XIAOMAZHA_HTTP_PORT": str(port),
        "XIAOMAZHA_DEMO": "off",
    }
    if telegram:
        given |= {
            "XIAOMAZHA_TELEGRAM_API": telegram[0],
            "XIAOMAZHA_TELEGRAM_TOKEN": telegram[1],
            "XIAOMAZHA_TELEGRAM_MODE": "webhook",
            "XIAOMAZHA_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}{_PATH}",
            "XIAOMAZHA_TELEGRAM_WEBHOOK_SECRET": SECRET,
        }
    return given | dict(more or {})


async def service(
    api: BotApi,
    folder: Path,
    database: str = "",
    *,
    core: int = THEIR_CORE,
    more: Mapping[str, str] | None = None,
    token: str = "",
    command: Sequence[str] = ("-m", "bot", "run"),
    name: str = "xiaomazha",
    wait: bool = True,
) -> Contestant:
    """The service itself, as an operator runs it, with Telegram.

    `token`: of a bot its database knows already. `wait`: until it listens.
    """
    token, port = token or new_token(), free_port()
    url = database or f"sqlite:///{folder / 'service.db'}"
    environment = service_environment(folder, port, url, telegram=(api.url, token), more=more)
    account = api.account(token, f"http://127.0.0.1:{port}{_PATH}", SECRET)
    process = launch([*command], environment, folder / f"{name}.log", core)
    return await _ready(Contestant(name, account, port, process, folder, environment), wait=wait)


async def second(first: Contestant) -> Contestant:
    """Another process of a service that runs: the same bot, the same database, a door of its own."""
    first.account.listening.clear()
    port = free_port()
    environment = {
        **first.environment,
        "XIAOMAZHA_HTTP_PORT": str(port),
        "XIAOMAZHA_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}{_PATH}",
    }
    name = f"{first.name}_second"
    process = launch(["-m", "bot", "run"], environment, first.folder / f"{name}.log")
    return await _ready(Contestant(name, first.account, port, process, first.folder, environment))


async def peer(
    api: BotApi, folder: Path, module: str, database: str = "", *, core: int = THEIR_CORE, wait: bool = True
) -> Contestant:
    """One of `bench.peers`, by its module's name. `wait`: until it listens."""
    token, port = new_token(), free_port()
    url = database or f"sqlite:///{folder / f'{module}.db'}"
    arguments = ["-m", f"bench.peers.{module}", api.url, token, url, str(port)]
    account = api.account(token, f"http://127.0.0.1:{port}/webhook", SECRET)
    process = launch(arguments, {}, folder / f"{module}.log", core)
    return await _ready(Contestant(module, account, port, process, folder), wait=wait)


async def _ready(contestant: Contestant, *, wait: bool = True) -> Contestant:
    try:
        if wait:
            await _listening(contestant)
    except BaseException:
        await contestant.stop()
        raise
    return contestant


def launch(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, core: int = THEIR_CORE
) -> "subprocess.Popen[bytes]":
    """A Python of ours on one core, its words in a file."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("XIAOMAZHA_")}
    with log.open("ab") as words:
        return subprocess.Popen(
            ["taskset", "-c", str(core), sys.executable, *arguments],
            cwd=HOME,
            env={**clean, **environment, "PYTHONPATH": str(HOME), "PYTHONUNBUFFERED": "1"},
            stdout=words,
            stderr=words,
        )


async def _listening(contestant: Contestant) -> None:
    """Until it has told Telegram where its webhook is and has somebody at that door.

    Raises:
        NotStarted: it went away.
    """
    async with asyncio.timeout(_LATEST):
        while not contestant.account.listening.is_set() or not _answers(contestant.port):
            if contestant.process.poll() is not None:
                raise NotStarted(_last_words(contestant))
            await asyncio.sleep(0.02)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def _last_words(contestant: Contestant) -> str:
    log = contestant.folder / f"{contestant.name}.log"
    return f"{contestant.name}: {log.read_text(errors='replace')[-2000:]}"


def resident_memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} tells nothing of its memory")


def new_token() -> str:
    return f"{next(_bots)}:AAbench-token_of-the-local-server-0000"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def their_core_was_busy() -> float:
    """Seconds their core has worked since the machine started, for whomever."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{THEIR_CORE} "))
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts_and_stolen)) / os.sysconf("SC_CLK_TCK")


def they_have_worked() -> float:
    """Seconds of work of all those we have started and stopped again."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
