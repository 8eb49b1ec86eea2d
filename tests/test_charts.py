"""Results and statistics drawn for the chat: everything stays on the paper, and looks as the mainland prints it.

PICTURES=1 also writes them into docs/pictures.
"""

import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from domain.councils import Ballot, result_of
from domain.counting import Method, Paper, count
from domain.sheets import Bar, Block, Sheet
from services import chart, sheet
from tests.play import START

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
OPTIONS = ("东门外的路面维修", "3 号楼前装充电桩", "花坛和补种树", "活动室添桌椅")


def ballot(method: Method, question: str = "小区的公共收益先用在哪一件事上？（示例）") -> Ballot:
    return Ballot(1, "230203002001", question, OPTIONS, 1, START, START + timedelta(days=3), method=method)


def read(picture: bytes, name: str = "") -> Image.Image:
    """The picture; asked to, kept as well."""
    if name and os.environ.get("PICTURES"):
        (PICTURES / name).write_bytes(picture)
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.width) == ("PNG", chart.WIDTH)
    return image.convert("L")


def ink(image: Image.Image) -> tuple[int, int, int, int]:
    """The box around everything that is drawn."""
    box = image.point(lambda shade: 255 if shade < 150 else 0).getbbox()
    assert box is not None
    return box


async def test_a_run_off_is_drawn_round_by_round() -> None:
    papers: dict[Paper, int] = {(0,): 34, (0, 1): 4, (1, 0): 27, (1,): 4, (2, 0): 18, (2,): 4, (3, 2): 15, (3,): 4}
    tally = count(papers, Method.RANKED, len(OPTIONS), (0, 1, 2, 3))
    image = read(await chart.draw(ballot(Method.RANKED), result_of(ballot(Method.RANKED), tally, 186)), "ballot.png")
    left, _, right, bottom = ink(image)
    assert left >= chart.MARGIN - 2
    assert right <= chart.WIDTH - chart.MARGIN + 2
    assert bottom <= image.height - chart.MARGIN // 2


@pytest.mark.parametrize("method", [Method.SINGLE, Method.SEVERAL, Method.SCORE])
async def test_a_long_question_and_long_options_are_wrapped(method: Method) -> None:
    long = ballot(method, "小区大门口的老槐树要不要请园林中心来看一看再决定锯掉哪几根树枝，" * 3)
    marks: Paper = (5, 4, 0, 2) if method is Method.SCORE else (0,)
    tally = count({marks: 9}, method, len(OPTIONS), (0, 1, 2, 3))
    left, _, right, _ = ink(read(await chart.draw(long, result_of(long, tally, 20))))
    assert left >= chart.MARGIN - 2
    assert right <= chart.WIDTH - chart.MARGIN + 2


async def test_a_sheet_of_statistics_stays_on_the_paper() -> None:
    months = Sheet(
        "民乐社区（示例）",
        "2026 年 11 月（数到 11 月 25 日 10:30）",
        (("上报", "191"), ("已办结", "143"), ("其中没办结", "39")),
        (
            Block(
                "三率和按时",
                tuple(
                    Bar(name, f"{part / of:.0%}（{part}/{of}）", part / of)
                    for name, part, of in (
                        *(("响应率", 171, 180), ("解决率", 88, 104)),
                        *(("满意率", 71, 104), ("按时办结", 131, 149)),
                    )
                ),
            ),
            Block(
                "现在的状态",
                (
                    *(Bar("已结案", "143"), Bar("处理中", "21"), Bar("待核查", "9"), Bar("待接单", "6")),
                    *(Bar("已并案", "5"), Bar("已撤回", "4"), Bar("待改派", "2"), Bar("挂账", "1")),
                ),
            ),
            Block(
                "类别",
                tuple(
                    Bar(name, str(number), number / 58)
                    for name, number in (
                        *(("路灯照明", 58), ("供暖", 41), ("井盖缺失、破损", 22)),
                        *(("小区里的路、院外的人行道和别的路上坑洼、塌陷、积水的事", 17), ("供水", 14), ("其他", 39)),
                    )
                ),
            ),
            Block(
                "一半的事用时不超过",
                (Bar("等人接手", "1.3 小时"), Bar("处理", "20.4 小时"), Bar("从上报到结案", "27 小时")),
            ),
        ),
        "重办 7 件，并案 5 件",
    )
    left, _, right, _ = ink(read(await sheet.draw(months), "statistics.png"))
    assert left >= chart.MARGIN - 2
    assert right <= chart.WIDTH - chart.MARGIN + 2


def test_a_comma_stands_low_and_to_the_left() -> None:
    image = Image.new("L", (100, 100), 255)
    chart.put(ImageDraw.Draw(image), (0, 0), "，", "black", chart.font(80))
    left, top, right, _ = ink(image)
    assert top > 50
    assert (left + right) / 2 < 40
