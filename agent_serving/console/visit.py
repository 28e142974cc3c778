"""One request to the console, and the member of staff who is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

import pyarrow as pa
from starlette.responses import Response

from agent_serving.console.cell import Formatter, is_number, prose
from agent_serving.console.customer.reading import CustomerReading
from agent_serving.console.page_table import PAGES, Page
from agent_serving.console.part import FACT_HEADS, Part, form_of
from agent_serving.console.static_file import address_of
from agent_serving.console.word import word
from agent_serving.web import visit as web
from agent_serving.web.pass_store import PassKind
from privacy.access.reader import TableReader
from privacy.rights.wording import Wording

if TYPE_CHECKING:
    from agent_serving.console.console import Console
    from agent_serving.console.staff import Staff
    from agent_serving.console.subject import Subject


@dataclass
class Visit(web.Visit):
    """A request to the console with its visitor.

    Attributes:
        signed_in: the member of staff; None before the sign-in.
        page_key: key of the page in `PAGES`; None for pages before the sign-in.
        subject: the customer of a page of a person.
    """

    signed_in: Staff | None = None
    page_key: str | None = None
    subject: Subject | None = None

    @property
    def console(self) -> Console:
        """The console."""
        return cast("Console", self.site)

    @property
    def staff(self) -> Staff:
        """The member of staff. `add_page` has checked that there is one."""
        assert self.signed_in is not None
        return self.signed_in

    @property
    def customer(self) -> Subject:
        """The customer of the page. `add_page(…, of_person=True)` has found it."""
        assert self.subject is not None
        return self.subject

    @cached_property
    def reader(self) -> TableReader[pa.Table]:
        """The only way to rows of persons: the reader of tables for this member of staff. See `read`."""
        return replace(self.console.installation.table_reader(self.staff.name), identity="authenticated")

    def read(self, table: str, columns: list[str] | None = None, **options: Any) -> pa.Table:
        """Return rows of a table for the role and purpose of the session; see `TableReader.read`.

        Raises:
            AccessRefused: the role may not read this.
            ConsentError: the permissions of the purpose are unknown.
            AuditError: the read could not be logged.
            LakehouseError: there is no such table.
        """
        return self.reader.read(table, self.staff.role, self.staff.purpose, columns, **options).frame

    @cached_property
    def reading(self) -> CustomerReading:
        """Reads the customer of the page."""
        return CustomerReading(
            self.console.installation, self.console.names, self.staff.name, self.staff.role, self.staff.purpose,
            self.customer, is_authenticated=True,
        )  # fmt: skip

    def query(self, name: str, most: int = 200) -> str:
        """Return a parameter of the address without blanks around it; empty if it is missing."""
        return self.request.query_params.get(name, "").strip()[:most]

    def knows_session(self, kind: str, secret: str) -> bool:
        """Note the signed-in member of staff; return whether there is one."""
        if kind == PassKind.STAFF and (content := self.site.passes.read(PassKind.STAFF, secret)):
            self.signed_in = self.console.staff_of(content)
        return self.is_signed_in

    @property
    def is_signed_in(self) -> bool:
        """Whether a member of staff is signed in."""
        return self.signed_in is not None

    @property
    def is_staff(self) -> bool:
        """Whether a member of staff is signed in."""
        return self.signed_in is not None

    @property
    def here(self) -> str:
        """The address of the page, with its query, to come back to."""
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        return f"{quote(self.request.url.path)}{query}"

    def address(self, **changes: str | int | None) -> str:
        """Return the address of this page with other parameters; None removes one."""
        kept = {name: value for name, value in self.request.query_params.items() if name != "lang"}
        changed = {**kept, **{name: str(value) for name, value in changes.items() if value is not None}}
        return f"?{urlencode({name: value for name, value in changed.items() if changes.get(name, '') is not None})}"

    def redirect(self, path: str) -> Response:
        """Return the answer that leads to another page; htmx then loads the whole page instead of a part."""
        if "hx-request" in self.request.headers:
            return Response(headers={"HX-Redirect": f"{self.site.path}{path}"})
        return super().redirect(path)

    @property
    def open_pages(self) -> dict[str, Page]:
        """The pages that this visitor may open, in the order of the navigation."""
        if self.signed_in is None or not self.staff.purpose:
            return {}
        return {
            key: page for key, page in PAGES.items()
            if self.staff.role in page.roles and key in self.console.built and not page.is_of_person
        }  # fmt: skip

    def render_parts(self, heading: Wording, parts: Sequence[Part], status: int = 200, **content: Any) -> Response:
        """Return a page that is a list of parts; `back` leads to the page before, `paging` is of its first table."""
        template = content.pop("template", "parts")
        formed = [(form_of(part), part) for part in parts]
        shared = {"back": None, "paging": None, "fact_heads": FACT_HEADS, "heading": heading}
        return self.render(template, status, parts=formed, **(shared | content))

    def render(self, template: str, status: int = 200, **content: Any) -> Response:
        """Return a page."""
        formatter = Formatter(self.language, self.console.pages)
        return super().render(
            template,
            status,
            open_pages=self.open_pages,
            asset=address_of,
            cell=formatter.cell,
            is_number=is_number,
            prose=prose,
            word=word,
            **content,
        )
