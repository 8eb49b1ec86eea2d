"""Photos in an S3-compatible bucket, for the district whose machines come and go."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store


class Bucket:
    """A `Store` in a bucket, its place given as `s3://bucket` or `s3://bucket/prefix`.

    An endpoint that begins with the bucket's name (`https://bucket.oss-cn-beijing.aliyuncs.com`) is taken as the
    bucket's own; with any other the bucket is named in the path.
    """

    def __init__(self, place: str, *, endpoint: str, region: str, key: str, secret: str) -> None:
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            endpoint=endpoint,
            region=region,
            access_key_id=key,
            secret_access_key=secret,
            virtual_hosted_style_request=(urlsplit(endpoint).hostname or "").startswith(f"{bucket}."),
            # Not every compatible service can remove many at once.
            disable_bulk_delete=True,
            # Somebody waits for the answer: better to hear soon that it cannot be done.
            client_options={"allow_http": True, "connect_timeout": "3s", "timeout": "10s"},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )

    async def put(self, name: str, data: bytes) -> None:
        with _plainly(FileNotFoundError):
            await self._store.put_async(name, data, use_multipart=False)

    async def get(self, name: str) -> bytes:
        with _plainly():
            return bytes(await (await self._store.get_async(name)).bytes_async())

    async def has(self, name: str) -> bool:
        try:
            with _plainly():
                await self._store.head_async(name)
        except FileNotFoundError:
            return False
        return True

    async def remove(self, names: Sequence[str]) -> None:
        with _plainly():
            await self._store.delete_async(names)

    async def pages(self) -> AsyncIterator[list[tuple[str, datetime]]]:
        with _plainly(FileNotFoundError):
            async for page in self._store.list(chunk_size=1000):
                yield [(each["path"], each["last_modified"]) for each in page if "/" in each["path"]]


@contextmanager
def _plainly(*errors: type[Exception]) -> Iterator[None]:
    """The client's trouble as what a folder's would be; `errors` are those of its own that mean no more than that."""
    caught: tuple[type[Exception], ...] = (BaseError, *errors)
    try:
        yield
    except caught as error:
        # The first words say what happened; after them come the service's own page and the client's insides. A photo's
        # whole name opens it for whoever reads the log.
        words = str(error).partition("\n")[0].partition("<")[0].strip()
        raise ConnectionError(re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", words)) from None
