"""Routes of the shopping agent: a conversation over server-sent events, and its web page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from importlib import resources
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from agent_serving.authentication.identity import Identity
from agent_serving.conversation.event import Event, card_of
from agent_serving.conversation.session import TOKEN_PREFIX, Session
from agent_serving.errors import ChatRefused, TooManyRequests
from agent_serving.problem import MEDIA_TYPE, Problem
from agent_serving.router.feature import bearer
from agent_serving.services import Services
from agent_serving.understanding.model import Language
from installation.event_log import log_error

_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, description in {
        400: "The body is not JSON.", 401: "No valid key or token.", 403: "The caller may not converse.",
        404: "No such conversation or branch.", 413: "The body is too large.", 422: "A field is missing or wrong.",
        429: "Too many messages; Retry-After says when.", 501: "The agent's packages are not installed.",
        503: "A part fails.",
    }.items()
}  # fmt: skip
router = APIRouter(prefix="/v1/chat", tags=["chat"], dependencies=[Depends(bearer)], responses=_FAILURES)
page = APIRouter(tags=["chat"], include_in_schema=False)

Answer = TypeVar("Answer")
SessionId = Annotated[str, Field(pattern="^v_[0-9a-f]{32}$")]
Customer = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:\-]{1,128}$")]
"""The form that `is_opaque_id` accepts."""
Branch = Annotated[str, Field(min_length=1, max_length=100)]
_PAGE_FILES = {"chat.css": "text/css", "chat.js": "text/javascript"}
_PAGE_HEADERS = {
    # The page runs and shows only what this server sends; images of cards may lie elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
}  # fmt: skip


class SessionRequest(BaseModel):
    """For whom and where a conversation is opened."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"branch": "main"}]})

    customer: Customer | None = Field(default=None, description="The signed-in customer; none for a visitor.")
    branch: Branch | None = Field(default=None, description="Code of the branch; by default that of the settings.")


class ChatRequest(SessionRequest):
    """One message. A page's token stands for its session, so it names no session, customer or branch."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"message": "3만원 이하 사과 있어요?"}]})

    message: Annotated[str, Field(min_length=1, description="At most as long as the settings allow.")]
    session: SessionId | None = Field(default=None, description="The conversation to continue; none opens one.")
    language: Literal["ko", "en", "ja", "zh"] | None = Field(
        default=None, description="Language of the answer; by default the message's."
    )


FIELDS = frozenset(ChatRequest.model_fields)
"""Names that an answer about a faulty request may repeat."""


class OpenedSession(BaseModel):
    """An opened conversation. `token` lets one page continue it; `page` is the page with the token."""

    session: str
    token: str
    page: str


class KeptTurn(BaseModel):
    """One turn of a conversation, as it is kept: personal data is masked."""

    message: str
    answer: str
    cards: list[dict[str, Any]]


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


@router.post(
    "/sessions", status_code=201, summary="Open a conversation, for a customer's page.",
    openapi_extra=_body_of(SessionRequest),
)  # fmt: skip
async def open_session(request: Request) -> OpenedSession:
    """Open a conversation with an API key, and return the token of its page.

    The caller has signed the customer in. The page holds only the token, so it cannot ask for another customer.
    """
    services: Services = request.app.state.services
    body = await request.body()

    def work(identity: Identity) -> OpenedSession:
        wanted = SessionRequest.model_validate_json(body or b"{}")
        session, token = services.chat.access.open(identity, wanted.customer, wanted.branch)
        return OpenedSession(session=session.id, token=token, page=f"/chat#{token}")

    return await services.answer(request, work)


@router.post(
    "", summary="One message; the answer as server-sent events.", response_class=StreamingResponse,
    openapi_extra=_body_of(ChatRequest),
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events session, text, cards, done, error."}},
)  # fmt: skip
async def chat(request: Request) -> Response:
    """Answer a message. Each `text` event holds sentences whose names, prices and hours stand in the results.

    `cards` holds what the answer refers to. `done` tells the intent, the language, and whether rules or which model
    wrote the answer. `error` comes instead if there is no answer. Without consent the answer is not personalised.
    """
    services: Services = request.app.state.services
    body = await request.body()

    def begin(identity: Identity | None, token_session: Session | None) -> tuple[Session, ChatRequest]:
        wanted = ChatRequest.model_validate_json(body)
        most = services.installation.settings.chat.most_message_characters
        if len(wanted.message) > most:
            raise ChatRefused(
                422, "message_too_long",
                f"The message has {len(wanted.message)} characters; expected at most {most}. Shorten it.",
            )  # fmt: skip
        if token_session is not None:
            if wanted.session or wanted.customer or wanted.branch:
                raise ChatRefused(
                    422, "fixed_by_token", "The token fixes session, customer and branch; leave them out."
                )
            return token_session, wanted
        assert identity is not None
        if wanted.session is None:
            return services.chat.access.open(identity, wanted.customer, wanted.branch)[0], wanted
        session = services.chat.access.of_caller(identity, wanted.session)
        if wanted.customer or wanted.branch:
            raise ChatRefused(422, "fixed_by_session", "The session fixes customer and branch; leave them out.")
        return session, wanted

    session, wanted = await _with_session(services, request, begin)
    return StreamingResponse(
        _encoded(services, session, wanted), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )  # fmt: skip


@router.get("/sessions/{session_id}", summary="The kept turns of a conversation.")
async def read_session(request: Request, session_id: str) -> list[KeptTurn]:
    """Return the last turns, for a page that was loaded again. `current` stands for the session of a page's token."""
    services: Services = request.app.state.services

    def work(identity: Identity | None, token_session: Session | None) -> list[KeptTurn]:
        session = _named(services, session_id, identity, token_session)
        return [
            KeptTurn(message=turn.message, answer=turn.answer, cards=[card_of(item) for item in turn.cards])
            for turn in services.chat.conversation.turns(session, 50)
        ]

    return await _with_session(services, request, work)


@router.delete("/sessions/{session_id}", status_code=204, summary="Delete a conversation.")
async def delete_session(request: Request, session_id: str) -> None:
    """Delete a conversation with everything that was said in it."""
    services: Services = request.app.state.services

    def work(identity: Identity | None, token_session: Session | None) -> None:
        services.chat.parts.sessions.delete(_named(services, session_id, identity, token_session).id)

    await _with_session(services, request, work)


@page.get("/chat")
async def show_page() -> Response:
    """Return the chat page. Its session's token stands in the fragment of its address, which no server sees."""
    return _file("chat.html", "text/html")


@page.get("/chat/{name}")
async def show_page_file(name: str) -> Response:
    """Return the style or the script of the chat page."""
    if name not in _PAGE_FILES:
        raise ChatRefused(404, "not_found", "There is no such file of the chat page.")
    return _file(name, _PAGE_FILES[name])


def _file(name: str, media_type: str) -> Response:
    content = (resources.files("agent_serving.page") / name).read_bytes()
    return Response(content, media_type=media_type, headers=_PAGE_HEADERS)


def _named(services: Services, session_id: str, identity: Identity | None, token_session: Session | None) -> Session:
    """Return the session that a path names: `current` is that of the token, an id that of the caller."""
    if token_session is not None:
        if session_id not in {"current", token_session.id}:
            raise ChatRefused(404, "unknown_session", "There is no such conversation, or it has ended. Open a new one.")
        return token_session
    assert identity is not None
    return services.chat.access.of_caller(identity, session_id)


async def _with_session(
    services: Services, request: Request, work: Callable[[Identity | None, Session | None], Answer]
) -> Answer:
    """Return what `work` returns for the caller of a request: an identity, or the session of a page's token."""
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(TOKEN_PREFIX):
        return await services.answer(request, lambda identity: work(identity, None))

    def of_page() -> Answer:
        request.state.caller = "chat_page"
        session = services.chat.access.of_token(token)
        if wait := services.chat.rate.seconds_to_wait(session.id):
            raise TooManyRequests("This chat has sent too many messages.", wait)
        return work(None, session)

    return await services.in_thread(of_page)


async def _encoded(services: Services, session: Session, wanted: ChatRequest) -> AsyncGenerator[bytes, None]:
    """Yield the events of a turn as bytes. A failure becomes the last event: the status has been sent already."""
    yield Event("session", {"session": session.id}).encoded()
    try:
        events = services.chat.conversation.events(
            session, wanted.message, wanted.language and Language(wanted.language)
        )
        async with aclosing(events):
            async for event in events:
                yield event.encoded()
    except Exception as error:  # noqa: BLE001 - its message may be personal, and the page waits for an event
        log_error(error)
        detail = "The service cannot answer now. Send the message again; its log says why."
        yield Event("error", {"code": "unavailable", "detail": detail}).encoded()
