"""Whoever operates the service has something that starts it again when it dies; here is also what kills it."""

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

ROOT = Path(__file__).parents[2]
# As a supervisor would: a process that ends by itself is not started again at once.
_BREATH = 1.0
_STOPS_WITHIN = 30.0


@dataclass
class Disturbance:
    """Something we did to a process, or to all of them: until `end` a note of what was sent may not have been made."""

    process: str | None
    what: str
    start: float
    end: float


class Process:
    """One process of the service, started again whenever it ends."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        self.name = name
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}.log"
        self.settings = {**settings, "XIAOMAZHA_HTTP_PORT": str(self.port)}
        self.exits: list[tuple[float, int]] = []
        self.kills = 0
        self.up = asyncio.Event()
        self.starts: list[float] = []
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._struck = False
        self._stopping = False

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **self.settings}
        with self.log.open("ab") as log:
            while not self._stopping:
                self._struck = False
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bot", "run", cwd=self._folder, env=environment, stdout=log, stderr=log
                )
                watch = asyncio.create_task(self._watch())
                code = await self._process.wait()
                watch.cancel()
                self.up.clear()
                if not self._struck:
                    self.exits.append((time.monotonic(), code))
                    if not self._stopping:
                        await asyncio.sleep(_BREATH)

    async def _watch(self) -> None:
        """Notice when it begins to listen."""
        began = time.monotonic()
        while not self.up.is_set():
            await asyncio.sleep(0.05)
            with suppress(OSError):
                _, line = await asyncio.open_connection("127.0.0.1", self.port)
                line.close()
                self.up.set()
                self.starts.append(time.monotonic() - began)

    def kill(self) -> Disturbance:
        self.kills += 1
        self._struck = True
        self.up.clear()
        return self._signal(signal.SIGKILL, "kill")

    async def terminate(self, within: float) -> bool:
        """A rolling restart: it ends well, and is started again; whether it did so in time."""
        process = self._process
        self._struck = True
        self.up.clear()
        self._signal(signal.SIGTERM, "stop")
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                if process is not None:
                    await process.wait()
                return True
        return False

    async def pause(self, seconds: float) -> Disturbance:
        process = self._process
        disturbance = self._signal(signal.SIGSTOP, "pause")
        await asyncio.sleep(seconds)
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
        disturbance.end = time.monotonic()
        return disturbance

    def _signal(self, number: signal.Signals, what: str) -> Disturbance:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
        now = time.monotonic()
        return Disturbance(self.name, what, now, now)

    async def stop(self) -> int | None:
        """Let it end well and stay down; its exit code, None when it had to be killed."""
        self._stopping = True
        self._signal(signal.SIGTERM, "stop")
        if self._keeper is None:
            return None
        done, _ = await asyncio.wait([self._keeper], timeout=_STOPS_WITHIN)
        if not done:
            self._signal(signal.SIGKILL, "kill")
            await asyncio.wait([self._keeper])
            return None
        return self._process.returncode if self._process else None

    def troubles(self) -> list[str]:
        """The lines of its log a developer would look at, without their times."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        found = [re.sub(r"^[\d\-: ,.]+", "", line) for line in lines if re.search(r" (ERROR|CRITICAL) ", line)]
        return [re.sub(r"\d+|[0-9a-f]{12}", "N", line) for line in found]


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
