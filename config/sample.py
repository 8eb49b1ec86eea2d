"""Whoever shows the service gets a district of invented grids, estates and gridworkers, always the same.

Run as `python -m config.sample config/districts/jianhua`: it reads the real areas.csv there.
"""

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

from domain.areas import Area, Level
from domain.grids import Grid, Place
from domain.people import Role

URBAN_GRIDS = 297
VILLAGE_GRIDS = 3
FOUNDED = date(2022, 5, 1)
EXCLUSIVE = (("商圈", "商业街"), ("学校", "学校"), ("医院", "医院"), ("市场", "农贸市场"))

# Old codes: last day and who took over. A split, a merge of two, a new code, and a chain of two.
ENDED = {
    "230203002003004": (date(2024, 6, 30), ("230203002003008", "230203002003009")),
    "230203002006002": (date(2024, 12, 31), ("230203002006010",)),
    "230203002006003": (date(2024, 12, 31), ("230203002006010",)),
    "230203004002005": (date(2025, 3, 31), ("230203004002009",)),
    "230203004005003": (date(2024, 3, 31), ("230203004005009",)),
    "230203004005009": (date(2025, 6, 30), ("230203004005010",)),
}
NEVER_ISSUED = ("230203005005006", "230203007006003", "230203008003007")

ESTATES = """
槐荫 和顺 柳岸 松影 丁香 海棠 青杏 白桦 云杉 芦花 苇塘 鹤影 雁归 燕归 喜鹊 晨露 晚晴 朝霞 春晖 秋实
夏荷 暖阳 清风 明溪 听雨 临水 半塘 石桥 磨坊 谷仓 麦香 稻香 豆花 初阳 星河 月桂 兰亭 竹韵 菊香 榆钱
杨柳 枫林 橡树 山楂 红果 金穗 银杏 仁和 安泰 康宁 福寿 瑞丰 常青 长乐 同心 睦邻 友善 知足 忠厚 孝义
礼让 书香 墨香 文澜 博雅 致远 启明 云帆 归舟 渔歌 牧歌 炊烟 灯火 巷口 井台 石榴 葡萄 核桃 木棉 紫藤
蔷薇 茉莉 百合 牵牛 蒲草 芳草 艾草 薄荷 豆蔻 连翘 沙枣 胡杨 雪松 冬青 腊梅 迎春 立夏 小满 白露 霜叶
""".split()  # noqa: SIM905
TAILS = ("家园", "苑", "小区", "花园", "新村", "佳园", "雅居")
ROADS = """
槐安 柳堤 松涛 桦林 芦苇 雁鸣 春耕 秋收 麦浪 稻花 清溪 石板 磨盘 晒谷 打铁 织布 染坊
豆腐 油坊 酱园 茶棚 书院 钟楼 鼓台 渡口 船坞 草市 花市 鱼市 米市 瓷坊 纸坊 灯市 木市
""".split()  # noqa: SIM905
SURNAMES = "李王张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余"
GIVEN = """
春华 秀兰 玉梅 桂芬 立新 晓梅 丽娟 海燕 雪松 冬梅 凤霞 国栋 长林 永顺 金凤 淑云 雅琴 洪波 艳秋 秋菊
志远 喜林 少华 立冬 春雨 佳宁 思雨 宏伟 大勇 广田 德顺 守义 文静 美玲 桂香 庆丰 玉珍 百川 双喜 子恒 树森
""".split()  # noqa: SIM905
ORDINALS = "一二三四五六七八九十"
HOURS = ("周一至周五 8:30–17:00", "周一至周六 8:00–16:30", "周二至周六 9:00–17:30")


def write(folder: Path) -> None:
    """Write grids.csv, places.csv and gridworkers.csv beside the areas.csv in `folder`."""
    with (folder / "areas.csv").open(encoding="utf-8-sig", newline="") as file:
        areas = [
            Area(row["code"], row["name"], Level(row["level"]), row["parent_code"])
            for row in csv.DictReader(file)
            if row["level"] in (Level.COMMUNITY, Level.VILLAGE)
        ]
    grids = sorted(_grids(areas), key=lambda grid: grid.code)
    present = [grid for grid in grids if grid.until is None]
    _save(
        folder / "grids.csv",
        "code name kind since until successors sample",
        ((g.code, g.name, g.kind, g.since, g.until, " ".join(g.successors), "yes") for g in grids),
    )
    _save(
        folder / "places.csv",
        "grid estate road number first_block last_block sample",
        (
            (p.grid, p.estate, p.road, p.number, p.first_block or "", p.last_block or "", "yes")
            for p in _places(areas, present)
        ),
    )
    _save(
        folder / "gridworkers.csv",
        "key name role area phone phone_public hours sample stand_in",
        _gridworkers(areas, present),
    )


def _grids(areas: list[Area]) -> Iterator[Grid]:
    began = {heir: until + timedelta(days=1) for until, heirs in ENDED.values() for heir in heirs}
    short = {area.code: area.short for area in areas}
    for code, (until, heirs) in ENDED.items():
        since = began.get(code, FOUNDED)
        yield Grid(code, _numbered(short[code[:12]], code), "residential", since, until, heirs)
    communities = [area for area in areas if area.level == Level.COMMUNITY]
    for i, area in enumerate(areas):
        village = area.level == Level.VILLAGE
        size = VILLAGE_GRIDS if village else _share(URBAN_GRIDS, len(communities), communities.index(area))
        issued = (f"{area.code}{n:03}" for n in range(1, 1000))
        codes = [code for code, _ in zip(_unused(issued), range(size), strict=False)]
        for code in codes:
            name, kind = _numbered(area.short, code), "village" if village else "residential"
            if not village and i % 5 in (0, 2, 4) and code == codes[-1]:
                name, kind = f"{area.short}{EXCLUSIVE[i % 4][0]}专属网格", "exclusive"
            yield Grid(code, name, kind, began.get(code, FOUNDED))


def _unused(codes: Iterable[str]) -> Iterator[str]:
    return (code for code in codes if code not in ENDED and code not in NEVER_ISSUED)


def _share(total: int, parts: int, part: int) -> int:
    return total * (part + 1) // parts - total * part // parts


def _numbered(short: str, code: str) -> str:
    n = int(code[12:])
    return f"{short}第{ORDINALS[n - 1] if n <= 10 else '十' + ORDINALS[n - 11]}网格"


def _places(areas: list[Area], grids: list[Grid]) -> Iterator[Place]:
    """One or two places a grid; a community's first two grids share a big estate by its blocks."""
    names = chain(["幸福里"], _estates())
    for i, area in enumerate(areas):
        avenue, street = f"{ROADS[i % len(ROADS)]}路", f"{ROADS[(i + 11) % len(ROADS)]}街"
        shared = ""
        for k, grid in enumerate(grid for grid in grids if grid.community == area.code):
            number = str(6 + 8 * k)
            if grid.kind == "village":
                yield Place(grid.code, f"{area.short}{ORDINALS[2 * k]}组")
                yield Place(grid.code, f"{area.short}{ORDINALS[2 * k + 1]}组")
            elif grid.kind == "exclusive":
                head = ESTATES[(7 * i + 3) % len(ESTATES)]
                yield Place(grid.code, head + EXCLUSIVE[i % 4][1], avenue, number)
            elif k < 2:
                shared = shared or next(names)
                yield Place(grid.code, shared, avenue, "6", 1 + 8 * k, 8 + 8 * k)
            else:
                yield Place(grid.code, next(names), avenue, number, 1, 4 + (5 * k + i) % 14)
                if (k + i) % 3 == 0:
                    yield Place(grid.code, next(names), street, number, 1, 2 + (k + i) % 5)
                elif (k + i) % 3 == 1:
                    yield Place(grid.code, "", street, f"{40 * k}-{40 * k + 38}")


def _estates() -> Iterator[str]:
    for turn in range(len(TAILS)):
        for i, head in enumerate(ESTATES):
            yield head + TAILS[(i + 3 * turn) % len(TAILS)]


def _gridworkers(areas: list[Area], grids: list[Grid]) -> Iterator[tuple[str, ...]]:
    posts = [(f"w-{grid.short}", Role.GRIDWORKER, grid.code) for grid in grids]
    posts += [(f"l-{area.code[6:]}", Role.GRID_LEADER, area.code) for area in areas]
    for i, (key, role, area) in enumerate(posts):
        name = SURNAMES[i % len(SURNAMES)] + GIVEN[(7 * i + i // len(SURNAMES)) % len(GIVEN)] if i else "李强"
        phone = f"1380000{i // 6 + 1:04}" if i % 6 == 0 else ""
        public = "yes" if phone and i % 12 else "no"
        # Neighbours stand in for each other, two by two; the odd one has the last but one.
        near = [other for other, held, there in posts if held is Role.GRIDWORKER and there[:12] == area[:12]]
        pair = near.index(key) ^ 1 if key in near else -1
        stand_in = "" if pair < 0 else near[pair if pair < len(near) else -2]
        hours = HOURS[i // 2 % len(HOURS)]
        yield key, f"{name}（示例）", role, area, phone, public, hours, "yes", stand_in


def _save(path: Path, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split())
        writer.writerows(rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
