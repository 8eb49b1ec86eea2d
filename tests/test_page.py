"""The page as people use it, in a real browser: nothing they say is lost, nothing leaves this machine.

PICTURES=1 also writes the README's pictures into docs/pictures.
"""

import asyncio
import io
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFilter
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    FrameLocator,
    Page,
    Route,
    WebSocketRoute,
    async_playwright,
    expect,
)

from bot.app import Knowledge, build
from config.settings import Settings
from domain.cases import Case, Score, Status
from tests.play import START

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DRAWS = bool(os.environ.get("PICTURES"))
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_BEGUN = time.monotonic()

# One phone: a page of its own, or a frame among three.
Phone = Page | FrameLocator
Visit = Callable[..., Awaitable[Page]]


def now() -> datetime:
    """Daytime in the district, so that no message waits for the morning; it runs as the wall clock does."""
    return START + timedelta(seconds=time.monotonic() - _BEGUN)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        missing = f"没有找到浏览器 / no browser here: apt-get install chromium ({', '.join(_NAMES)})"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=found, args=_QUIET)
        yield browser
        await browser.close()


def start_afresh(folder: Path, template: Path) -> Path:
    """Lay a database in which nobody has spoken yet."""
    for file in folder.glob("test.db*"):
        file.unlink()
    return Path(shutil.copy(template, folder / "test.db"))


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The page cannot see which database it is: one kind is enough."""
    return f"sqlite:///{start_afresh(tmp_path, sqlite_template)}"


class House:
    """The service, over the same database and at the same port however often it is closed and opened."""

    def __init__(self, settings: Settings, knowledge: Knowledge) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._open = AsyncExitStack()

    async def open(self) -> None:
        self.service = build(self._settings, clock=now, knowledge=self._knowledge)
        await self._open.enter_async_context(self.service.running())
        self._settings = self._settings.model_copy(update={"http_port": self.service.port})

    async def close(self) -> None:
        await self._open.aclose()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._settings.http_port}"

    async def cases(self) -> list[Case]:
        return await self.service.desks.read(
            lambda desk: desk.cases.in_area(self._knowledge.district.code, list(Status), limit=100)
        )


@pytest_asyncio.fixture(loop_scope="module")
async def house(settings: Settings, knowledge: Knowledge) -> AsyncIterator[House]:
    house = House(settings, knowledge)
    await house.open()
    yield house
    await house.close()


@dataclass
class Seen:
    """What the browser asked for and complained about."""

    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    forgiven: str = r"(?!)"

    def strangers(self, house: House) -> list[str]:
        own = re.compile(rf"(http|ws)://{re.escape(house.address)}/|blob:|data:")
        return [address for address in self.addresses if not own.match(address)]

    def unforgiven(self) -> list[str]:
        return [each for each in self.complaints if not re.search(self.forgiven, each)]

    def watch(self, context: BrowserContext) -> None:
        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        def look(page: Page) -> None:
            page.on("websocket", lambda socket: self.addresses.append(socket.url))

        context.on("request", lambda request: self.addresses.append(request.url))
        context.on("console", hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("page", look)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, house: House, seen: Seen) -> AsyncIterator[Visit]:
    """Open an address of the service as a new visitor; afterwards nothing strange may have been seen."""
    contexts: list[BrowserContext] = []

    async def open_page(address: str, width: int = 390, height: int = 844, **more: object) -> Page:
        context = await browser.new_context(
            base_url=f"http://{house.address}",
            viewport={"width": width, "height": height},
            locale="zh-CN",
            **more,  # type: ignore[arg-type]
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        seen.watch(context)
        await context.clock.install(time=now())
        page = await context.new_page()
        await page.goto(address)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert seen.strangers(house) == []
    assert seen.unforgiven() == []


def the_three(page: Page) -> tuple[FrameLocator, FrameLocator, FrameLocator]:
    resident, gridworker, staff = (
        page.get_by_test_id(f"phone-{key}").frame_locator("iframe") for key in ("resident", "gridworker", "staff")
    )
    return resident, gridworker, staff


async def says(phone: Phone, words: str) -> None:
    await phone.get_by_test_id("input").fill(words)
    await phone.get_by_test_id("send").click()


async def hears(phone: Phone, words: str, times: int = 1) -> None:
    found = phone.get_by_test_id("bubble-in").filter(has_text=words)
    if times:  # Waits without the pauses between two looks that `expect` makes.
        await found.nth(times - 1).wait_for()
    await expect(found).to_have_count(times)


async def attaches(phone: Phone, photo: FilePayload) -> None:
    await phone.get_by_test_id("file").set_input_files([photo])
    await expect(phone.get_by_test_id("tile")).to_have_attribute("data-state", "done")


async def taps(phone: Phone, label: str) -> None:
    await phone.get_by_role("button", name=label, exact=True, disabled=False).last.click()


def a_mended_lamp() -> FilePayload:
    """A photo a gridworker might send: dusk, and the lamp is lit."""
    side = (1280, 960)
    picture = Image.linear_gradient("L").resize(side)
    picture = Image.merge("RGB", [picture.point(lambda v, top=top, low=low: top + (low - top) * v // 255)
                                  for top, low in ((24, 92), (34, 84), (66, 96))])  # fmt: skip
    draw = ImageDraw.Draw(picture)
    draw.rectangle((120, 330, 520, 960), fill=(38, 42, 62))
    for x in range(160, 480, 90):
        for y in range(380, 900, 110):
            lit = (x * 7 + y * 3) % 4 == 0
            draw.rectangle((x, y, x + 46, y + 62), fill=(226, 178, 104) if lit else (52, 58, 82))
    draw.rectangle((0, 860, 1280, 960), fill=(46, 46, 54))
    glow = Image.new("RGB", side)
    ImageDraw.Draw(glow).ellipse((690, 90, 1130, 530), fill=(255, 206, 120))
    ImageDraw.Draw(glow).polygon([(900, 300), (620, 960), (1200, 960)], fill=(150, 112, 60))
    lamp_light = glow.filter(ImageFilter.GaussianBlur(80))
    picture = Image.composite(Image.new("RGB", side, (255, 222, 160)), picture, lamp_light.convert("L"))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((1010, 270, 1026, 900), fill=(30, 30, 36))
    draw.rectangle((880, 262, 1026, 276), fill=(30, 30, 36))
    draw.ellipse((868, 276, 952, 322), fill=(255, 246, 220))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return {"name": "路灯.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


async def picture(page: Page, name: str) -> None:
    if DRAWS:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / name, animations="disabled")


async def test_a_report_travels_across_three_phones_until_the_resident_is_satisfied(house: House, visit: Visit) -> None:
    page = await visit("/", 1440, 900)
    resident, gridworker, staff = the_three(page)

    await page.get_by_test_id("example").click()
    await hears(resident, "受理编号：261123-0001")
    await expect(page.get_by_test_id("phone-gridworker")).to_have_class(re.compile("ringing"))
    await hears(gridworker, "新任务 261123-0001：幸福里 3 栋，楼下路灯不亮")

    await taps(gridworker, "接单")
    await hears(gridworker, "已接单 261123-0001")
    await hears(resident, "261123-0001 有人接了")

    await taps(gridworker, "完成")
    await hears(gridworker, "拍一张现场照片")
    await attaches(gridworker, a_mended_lamp())
    await says(gridworker, "灯泡换好了，现在亮了")
    await hears(gridworker, "261123-0001 已报完成")

    await says(staff, "我的任务")
    await hears(staff, "261123-0001（待核查）")

    await hears(resident, "灯泡换好了，现在亮了")
    photo = resident.get_by_test_id("bubble-in").get_by_role("img", name="照片")
    await expect(photo).to_have_js_property("naturalWidth", 480)

    await taps(resident, "解决了，满意")
    await hears(resident, "261123-0001 已结案")
    await hears(gridworker, "「解决了，满意」")
    [case] = await house.cases()
    assert (case.status, case.rating) == (Status.CLOSED, Score.GOOD)
    assert len(await house.service.desks.read(lambda desk: desk.cases.photos(case.id, "done"))) == 1
    await picture(page, "phones.png")


async def test_a_resident_reports_a_lamp_and_asks_a_question(house: House, visit: Visit) -> None:
    page = await visit("/chat?phone=resident")
    await says(page, "报事 幸福里 5 栋楼下路灯不亮")
    await hears(page, "受理编号：261123-0001")
    await says(page, "物业几点上班")
    await hears(page, "来源：")
    [case] = await house.cases()
    assert (case.place, case.words, case.status) == ("幸福里 5 栋", "楼下路灯不亮", Status.DISPATCHED)
    await picture(page, "chat.png")


async def test_on_a_narrow_screen_the_tab_of_the_phone_that_rang_counts(visit: Visit) -> None:
    page = await visit("/")
    await page.get_by_test_id("example").click()
    tab = page.get_by_test_id("tab-gridworker")
    await expect(tab.get_by_label("1 条新提醒")).to_be_visible()
    await tab.click()
    await expect(tab).to_have_attribute("aria-selected", "true")
    await expect(tab.get_by_label("1 条新提醒")).to_be_hidden()
    await expect(page.get_by_test_id("phone-gridworker")).to_be_in_viewport(ratio=0.9)


@pytest.mark.parametrize(("address", "width"), [("/chat", 360), ("/chat", 320), ("/", 360), ("/", 1024)])
async def test_nothing_is_wider_than_the_screen_or_too_small_for_a_thumb(
    visit: Visit, address: str, width: int
) -> None:
    page = await visit(address, width, 740)
    phone = page if address == "/chat" else the_three(page)[0]
    await says(phone, "查网格员 民乐社区")
    await hears(phone, "是下面哪个网格？")
    await says(phone, "很长的网址 https://example.org/" + "a" * 200)
    await expect(phone.get_by_test_id("bubble-in")).to_have_count(2)
    for frame in page.frames:
        assert await frame.evaluate(_WIDER) == []
        assert await frame.evaluate(_TINY) == []


# Rows that are meant to be pushed sideways, and what only a screen reader sees, do not count.
_WIDER = """() => [document.scrollingElement, ...document.querySelectorAll('main, footer, header, .bubble')]
    .filter((node) => node.scrollWidth > node.clientWidth && !node.matches('.phones'))
    .map((node) => `${node.tagName} ${node.className}`)"""
_TINY = """() => [...document.querySelectorAll('button, textarea')]
    .filter((node) => node.checkVisibility() && (node.offsetHeight < 44 || node.offsetWidth < 44))
    .map((node) => `${node.id || node.className} ${node.textContent}`)"""


async def test_who_was_away_sees_what_they_missed(visit: Visit, seen: Seen) -> None:
    seen.forgiven = "ERR_INTERNET_DISCONNECTED"
    resident = await visit("/chat?phone=resident")
    gridworker = await visit("/chat?phone=gridworker")
    await says(resident, "报事 幸福里 3 栋楼下路灯不亮")
    await hears(resident, "受理编号")
    await resident.context.set_offline(True)
    await expect(resident.get_by_test_id("banner")).to_be_visible()

    await taps(gridworker, "接单")
    await taps(gridworker, "完成")
    await says(gridworker, "灯泡换好了")
    await hears(gridworker, "261123-0001 已报完成")
    await hears(resident, "有人接了", times=0)

    await resident.context.set_offline(False)
    await hears(resident, "有人接了")
    await hears(resident, "灯泡换好了")
    await expect(resident.get_by_test_id("banner")).to_be_hidden()


async def test_what_is_typed_before_the_page_is_ready_is_kept_and_can_be_sent_once_it_is(visit: Visit) -> None:
    page = await visit("/chat?phone=resident")
    ready = asyncio.Event()

    async def slowly(route: Route) -> None:
        await ready.wait()
        await route.continue_()

    await page.route("**/static/chat.js", slowly)
    await page.reload(wait_until="commit")
    await page.get_by_test_id("input").fill("网格员电话多少")
    await expect(page.get_by_test_id("send")).to_be_disabled()
    ready.set()
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("bubble-out")).to_have_attribute("data-state", "stored")
    await expect(page.get_by_test_id("input")).to_have_value("")


async def test_what_was_typed_while_the_service_was_away_is_said_once(house: House, visit: Visit, seen: Seen) -> None:
    seen.forgiven = "ERR_CONNECTION_REFUSED"
    page = await visit("/chat?phone=resident")
    await expect(page.get_by_test_id("shortcuts")).to_be_visible()
    await house.close()
    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await expect(page.get_by_test_id("bubble-out")).to_have_attribute("data-state", "sending")
    await expect(page.get_by_test_id("banner")).to_be_visible()
    await house.open()
    await expect(page.get_by_test_id("bubble-out")).to_have_attribute("data-state", "stored")
    await hears(page, "受理编号：261123-0001")
    await expect(page.get_by_test_id("banner")).to_be_hidden()
    assert len(await house.cases()) == 1


async def test_a_message_whose_receipt_was_lost_is_sent_again_and_heard_once(house: House, visit: Visit) -> None:
    page = await visit("about:blank")
    lost: list[str | bytes] = []

    def lose_the_first_receipt(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def on(frame: str | bytes) -> None:
            if '"ack"' in str(frame) and not lost:
                lost.append(frame)
            else:
                line.send(frame)

        server.on_message(on)

    await page.context.route_web_socket("**/chat/ws", lose_the_first_receipt)
    await page.goto("/chat?phone=resident")
    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await hears(page, "受理编号：261123-0001")
    mine = page.get_by_test_id("bubble-out")
    await expect(mine).to_have_attribute("data-state", "sending")
    await page.clock.fast_forward(30_000)
    await expect(mine).to_have_attribute("data-state", "stored")
    await expect(page.get_by_test_id("bubble-in")).to_have_count(1)
    assert len(lost) == len(await house.cases()) == 1


async def test_a_phone_that_knew_another_database_is_somebody_again(
    house: House, visit: Visit, seen: Seen, tmp_path: Path, sqlite_template: Path
) -> None:
    seen.forgiven = "ERR_CONNECTION_REFUSED"
    page = await visit("/chat?phone=resident")
    await says(page, "帮助")
    await hears(page, "您可以：")
    await house.close()
    start_afresh(tmp_path, sqlite_template)
    await house.open()
    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await expect(page.get_by_test_id("bubble-out").last).to_have_attribute("data-state", "stored")
    await expect(page.get_by_text("王阿姨（示例）")).to_be_visible(timeout=1000)
    await hears(page, "受理编号")


async def test_a_whole_book_pasted_gets_a_kind_answer_and_holds_nothing_up(visit: Visit) -> None:
    page = await visit("/chat?phone=resident")
    await says(page, "很长的故事" * 6000)
    await hears(page, "2000 字")
    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await hears(page, "受理编号")


async def test_reloading_keeps_both_sides_of_the_conversation(visit: Visit) -> None:
    page = await visit("/chat?phone=resident")
    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await hears(page, "受理编号")
    await attaches(page, a_mended_lamp())
    await says(page, "看，是这一盏")
    bubbles = page.get_by_test_id(re.compile("bubble-(in|out)"))
    await expect(bubbles.last).to_have_attribute("data-testid", "bubble-in")
    before = await bubbles.all_inner_texts()
    await page.reload()
    await expect(page.get_by_test_id("shortcuts")).to_be_visible()
    assert await bubbles.all_inner_texts() == before
    await expect(page.get_by_test_id("bubble-out").get_by_role("img", name="照片")).to_be_visible()
    await taps(page, "看进度")
    await hears(page, "承诺时间")


async def test_a_code_on_the_wall_opens_the_card_of_its_gridworker_each_time_it_is_scanned(
    visit: Visit,
) -> None:
    page = await visit("/chat?start=g_230203002001001")
    await hears(page, "网格员：李强（示例）")
    await page.reload()
    await expect(page.get_by_test_id("shortcuts")).to_be_visible()
    await expect(page.get_by_test_id("bubble-out")).to_have_count(1)
    await page.goto("/chat?start=g_230203002001001")
    await hears(page, "网格员：李强（示例）", times=2)


async def test_what_is_no_photo_or_too_large_is_refused_kindly_and_the_words_still_go(
    visit: Visit, seen: Seen, tmp_path: Path
) -> None:
    seen.forgiven = r"status of (413|415)"
    page = await visit("/chat?phone=resident")
    tip, tile = page.get_by_test_id("tip"), page.get_by_test_id("tile")

    posing = FilePayload(name="路灯.jpg", mimeType="image/jpeg", buffer="路灯不亮".encode())
    await page.get_by_test_id("file").set_input_files([posing])
    await expect(tip).to_have_text("这不是我能看的照片。请发 JPG 或 PNG 图片。")
    await expect(tile).to_have_count(0)

    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    await page.get_by_test_id("file").set_input_files(huge)
    await expect(tip).to_contain_text("这张照片超过 10 MB")
    await expect(tile).to_have_count(0)
    # A page older than this rule sends it all the same.
    assert await page.evaluate(_UPLOAD_50_MB) == [413, "照片超过 10 MB 了，请压缩或重拍一张。"]

    await says(page, "报事 幸福里 3 栋楼下路灯不亮")
    await hears(page, "受理编号")


_UPLOAD_50_MB = """async () => {
    const form = new FormData();
    form.append('photo', new Blob([new Uint8Array(50 * 1024 * 1024)]), 'huge.jpg');
    const headers = { Authorization: `Bearer ${localStorage['xiaomazha:resident']}` };
    const answer = await fetch('/chat/photos', { method: 'POST', body: form, headers });
    return [answer.status, (await answer.json()).text];
}"""


async def test_a_vote_is_opened_in_one_chat_and_cast_with_one_tap_in_another(house: House, visit: Visit) -> None:
    resident = await visit("/chat?phone=resident")
    staff = await visit("/chat?phone=staff")
    await expect(resident.get_by_test_id("shortcuts")).to_be_visible()
    await says(staff, "发起表决 3 号楼前要不要装充电桩")
    await hears(staff, "有哪些选项？")
    await says(staff, "要装，不要装")
    await taps(staff, "3 天后")
    await hears(staff, "1 位居民")
    await taps(staff, "是")

    await hears(resident, "请您表决：3 号楼前要不要装充电桩")
    await taps(resident, "要装")
    await hears(resident, "您选了：要装")
    voted = resident.get_by_test_id("choice").get_by_text("要装", exact=True)
    await expect(voted).to_have_attribute("aria-current", "true")
    person = house.service.guests["resident"].person_id
    [ballot] = await house.service.desks.read(lambda desk: desk.ballots.open_for("230203002001001"))
    assert await house.service.desks.read(lambda desk: desk.ballots.mark(ballot.id, person))


async def test_nothing_is_fetched_from_anywhere_else(house: House, visit: Visit, seen: Seen) -> None:
    for address in ("/", "/chat"):
        page = await visit(address)
        phone = page if address == "/chat" else the_three(page)[0]
        await says(phone, "帮助")
        await hears(phone, "您可以：")
    assert f"ws://{house.address}/chat/ws" in seen.addresses
    assert seen.strangers(house) == []
    assert seen.complaints == []


# The page of staff.


async def signs_in(staff: Page, page: Page) -> None:
    """The code said in the chat is typed on the page."""
    await says(staff, "登录网页")
    await hears(staff, "登录码")
    said = await staff.get_by_test_id("bubble-in").last.inner_text()
    await page.get_by_test_id("code").fill(re.findall(r"[A-Z2-9]{4}-[A-Z2-9]{4}", said)[-1].lower())
    await page.get_by_test_id("enter").click()


async def test_staff_answer_on_their_page_and_take_it_back(visit: Visit, seen: Seen) -> None:
    seen.forgiven = "status of 401"
    resident, staff = await visit("/chat?phone=resident"), await visit("/chat?phone=staff")
    await says(resident, "问政策 露天电影晚上在哪儿放")
    await hears(resident, "已经记下来")
    page = await visit("/staff")
    await signs_in(staff, page)
    await expect(page.get_by_test_id("person")).to_contain_text("民乐社区")
    await page.get_by_test_id("asking").filter(has_text="露天电影").click()

    # What is missing is asked for; what was typed is kept.
    await page.get_by_label("怎么答").fill("卜奎大街文化广场，晚上 6 点到 10 点。")
    await page.get_by_test_id("look").click()
    await expect(page.get_by_test_id("trouble")).to_have_text("这一项还没写。")
    await page.get_by_test_id("back").click()
    await page.get_by_test_id("asking").filter(has_text="露天电影").click()
    await expect(page.get_by_label("怎么答")).to_have_value("卜奎大街文化广场，晚上 6 点到 10 点。")
    await page.get_by_label("依据").fill("社区公告（2026 年第 3 号）")
    await page.get_by_label("哪个部门").fill("民乐社区居民委员会")
    await page.get_by_test_id("look").click()
    await expect(page.get_by_test_id("reads")).to_contain_text("有答复了：卜奎大街文化广场")
    await picture(page, "staff.png")
    await page.get_by_test_id("change").click()
    await page.get_by_test_id("look").click()
    reads = await page.get_by_test_id("reads").inner_text()
    await page.get_by_test_id("send").click()

    await expect(page.get_by_test_id("done")).to_contain_text("已经用上了")
    await expect(page.get_by_test_id("nothing")).to_be_visible()
    await hears(resident, reads.split("\n")[1])
    await page.get_by_test_id("undo").click()
    await expect(page.get_by_test_id("done")).to_contain_text("已撤下")
    await page.reload()
    await expect(page.get_by_test_id("nothing")).to_be_visible()
    await page.get_by_test_id("leave").click()
    await expect(page.get_by_test_id("door")).to_be_visible()
    await page.reload()
    await expect(page.get_by_test_id("door")).to_be_visible()


async def test_staff_find_the_entry_that_was_meant_or_close_a_question(visit: Visit, seen: Seen) -> None:
    seen.forgiven = "status of 401"
    resident, staff = await visit("/chat?phone=resident"), await visit("/chat?phone=staff")
    for words in ("露天电影晚上在哪儿放", "啦啦啦啦啦啦"):
        await says(resident, f"问政策 {words}")
    page = await visit("/staff")
    await signs_in(staff, page)
    await page.get_by_test_id("asking").filter(has_text="露天电影").click()
    await page.get_by_role("button", name="已有的一条").click()
    await page.get_by_test_id("find").fill("老年公交卡")
    await page.get_by_test_id("found").get_by_role("radio").first.click()
    await page.get_by_test_id("look").click()
    await expect(page.get_by_test_id("reads")).to_contain_text("来源：")
    await page.get_by_test_id("send").click()
    await hears(resident, "有答复了")
    await page.get_by_test_id("asking").filter(has_text="啦啦啦").click()
    await page.get_by_role("button", name="不用答").click()
    await page.get_by_label("为什么不用答").fill("不是问题，是测试")
    await page.get_by_test_id("look").click()
    await expect(page.get_by_test_id("reads")).to_have_text("不是问题，是测试")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("nothing")).to_be_visible()


async def test_a_link_signs_in_with_one_press_and_leaves_no_code_behind(house: House, visit: Visit, seen: Seen) -> None:
    staff = await visit("/chat?phone=staff")
    await says(staff, "登录网页")
    await hears(staff, "登录码")
    code = re.findall(r"[A-Z2-9]{4}-[A-Z2-9]{4}", await staff.get_by_test_id("bubble-in").last.inner_text())[-1]
    page = await visit(f"/staff#{code}")
    await expect(page.get_by_test_id("code")).to_have_value(code)
    assert page.url == f"http://{house.address}/staff"
    assert not any(code in address for address in seen.addresses if "#" not in address)
    await page.get_by_test_id("enter").click()
    await expect(page.get_by_test_id("nothing")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1024])
async def test_on_the_page_of_staff_everything_fits_a_thumb(visit: Visit, seen: Seen, width: int) -> None:
    seen.forgiven = "status of 401"
    resident, staff = await visit("/chat?phone=resident"), await visit("/chat?phone=staff")
    await says(resident, "问政策 https://example.org/ 露天电影晚上在哪儿放" + "啊" * 150)
    await hears(resident, "已经记下来")
    page = await visit("/staff", width, 740)
    await signs_in(staff, page)
    for step in ("asking", "look"):
        await page.get_by_test_id(step).click()
        assert await page.evaluate(_WIDER) == []
        assert await page.evaluate(_TINY) == []
