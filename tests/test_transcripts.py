"""Every transcript is played straight, and again with a new process at every turn, on both databases."""

from pathlib import Path

import pytest

from bot.app import Knowledge
from config.settings import Settings
from tests.play import Stage, play

TRANSCRIPTS = {
    path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
}


@pytest.mark.parametrize("restart", [False, True], ids=["straight", "restarted"])
@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_the_conversation_goes_as_written(
    name: str, restart: bool, settings: Settings, knowledge: Knowledge
) -> None:
    stage = Stage(settings, knowledge, restart=restart)
    try:
        await play(name, TRANSCRIPTS[name], stage)
    finally:
        await stage.close()
