"""A real S3 wire: moto's server in a process of its own, which checks the signature of every request."""

import asyncio
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress

# Who calls the identity service is not looked at before checking is turned on; for whom, it reads here.
_IDENTITY = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x"
_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


class S3Server:
    """One bucket, `photos`, and the one key that opens it."""

    bucket = "photos"

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._until_it_answers()
            self._ask("PUT", f"/{self.bucket}")
            self._identity(Action="CreateUser", UserName="wang")
            self._identity(Action="PutUserPolicy", UserName="wang", PolicyName="all", PolicyDocument=_POLICY)
            made = self._identity(Action="CreateAccessKey", UserName="wang")
            self.key, self.secret = re.findall(r"<(?:AccessKeyId|SecretAccessKey)>([^<]+)<", made)
            self._ask("POST", "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        except BaseException:
            self.stop()
            raise

    def settings(self, prefix: str, **others: str) -> dict[str, str]:
        """What an operator sets to keep photos here."""
        return {
            "files": f"s3://{self.bucket}/{prefix}",
            "s3_endpoint": self.url,
            "s3_region": "us-east-1",
            "s3_key": self.key,
            "s3_secret": self.secret,
        } | others

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _until_it_answers(self) -> None:
        for _ in range(600):
            with suppress(urllib.error.URLError):
                self._ask("GET", "/moto-api/data.json")
                return
            time.sleep(0.1)
        raise TimeoutError("moto does not answer")

    def _identity(self, **form: str) -> str:
        data = urllib.parse.urlencode(form | {"Version": "2010-05-08"}).encode()
        return self._ask("POST", "/", data, {"Authorization": _IDENTITY})

    def _ask(self, method: str, path: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> str:
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return str(answer.read().decode())


class Line:
    """A connection to a server that can be cut, and mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(_pour(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        return
    finally:
        sink.close()
