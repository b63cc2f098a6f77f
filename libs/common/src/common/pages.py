"""Pages of a list as Django REST Framework writes them (contract, chapter 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from common.errors import NotFound
from common.settings import ServiceSettings

DEFAULT_SIZE: Final = 20
LARGEST_SIZE: Final = 100
# No list is that long, and PostgreSQL's OFFSET still holds it.
_LAST_PAGE: Final = 10**12
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list, with absolute links to its neighbours."""

    count: int
    next: str | None
    previous: str | None
    results: list[Item]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page was asked for, and the address that its neighbours' links are made from."""

    number: int
    size: int
    path: str
    query: tuple[tuple[str, str], ...]

    @property
    def offset(self) -> int:
        """How many items lie before this page."""
        return (self.number - 1) * self.size

    def page(self, results: Sequence[Item], *, count: int) -> Page[Item]:
        """Make the page of what was found.

        Raises:
            NotFound: the page lies past the end; an empty list still has its first page.
        """
        last = max(1, -(-count // self.size))
        if self.number > last:
            raise NotFound("Invalid page.", message_pt="Página inválida.")
        return Page(
            count=count,
            next=self._link(self.number + 1) if self.number < last else None,
            previous=self._link(self.number - 1) if self.number > 1 else None,
            results=list(results),
        )

    def _link(self, number: int) -> str:
        kept = [(name, value) for name, value in self.query if name != "page"]
        return f"{self.path}/?{urlencode([*kept, ('page', str(number))])}"


async def _requested_page(
    request: Request,
    page: Annotated[str, Query(description="Number of the page, from 1.")] = "1",
    page_size: Annotated[str, Query(description="Items a page: at most 100.")] = "",
) -> PageRequest:
    settings: ServiceSettings = request.app.state.settings
    number = _positive(page)
    if number is None or number > _LAST_PAGE:
        raise NotFound("Invalid page.", message_pt="Página inválida.")
    return PageRequest(
        number=number,
        size=min(_positive(page_size) or DEFAULT_SIZE, LARGEST_SIZE),
        path=f"{settings.external_url}{request.url.path.rstrip('/')}",
        query=tuple(parse_qsl(request.url.query)),
    )


def _positive(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return int(text) or None


RequestedPage = Annotated[PageRequest, Depends(_requested_page)]
