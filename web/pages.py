"""The chat page residents open, the page of staff, and the page of three phones a newcomer sees first."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Nothing outside this machine is fetched, and only our own page frames the chat.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'self'; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(in_demonstration: Callable[[web.Request], bool], well: Callable[[], bool]) -> list[web.AbstractRouteDef]:
    """The pages; `/` shows the three phones in demonstration and leads to the chat otherwise."""

    async def home(request: web.Request) -> web.StreamResponse:
        if in_demonstration(request):
            return _page("phones.html")
        raise web.HTTPFound("/chat")

    async def chat(_request: web.Request) -> web.StreamResponse:
        return _page("chat.html")

    async def staff(_request: web.Request) -> web.StreamResponse:
        return _page("staff.html")

    async def health(_request: web.Request) -> web.StreamResponse:
        # Leaving: whoever shares out the requests sends the next ones elsewhere; these are still served.
        return web.json_response({"ok": well()}, status=200 if well() else 503)

    return [
        web.get("/", home),
        web.get("/chat", chat),
        web.get("/staff", staff),
        web.get("/health", health),
        web.static("/static", _STATIC),
    ]


def _page(name: str) -> web.StreamResponse:
    return web.FileResponse(
        _STATIC / name, headers={"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache"}
    )


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The same careful headers on every answer."""
    response = await handler(request)
    if not response.prepared:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/static/"):
            # The modules of a page belong together: after an upgrade none may be an old one.
            response.headers["Cache-Control"] = "no-cache"
    return response
