"""`python -m tests.standin --port 0 --log FILE [options]`; the first line is the URL."""

import asyncio

from tests.standin.server import serve
from tests.standin.settings import parse


def main() -> None:
    asyncio.run(serve(parse()))


if __name__ == "__main__":
    main()
