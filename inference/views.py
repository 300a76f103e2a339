"""Pages: the chat, and the list of past conversations beside it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from inference import services
from inference.forms import PinForm, RenameForm
from inference.history import thread_of
from inference.models import Conversation, Message
from projects.models import Project
from projects.views import project_rights
from restai_site.ui.forms import errors_told
from restai_site.ui.tables import clean_query
from teams.branding import branding_of
from teams.models import Team

PROJECTS_IN_PICKER = 50
CONVERSATIONS_SHOWN = 60
STARTERS = (
    ("Explain", "Explain what you can help me with, in three short points."),
    ("Write", "Write a short, friendly e-mail that moves a meeting to next week."),
    ("Plan", "Make a checklist for the first day of a new colleague."),
)


@require_safe
@signed_in
def chat(request: SignedInRequest) -> HttpResponse:
    """Go on where one was: the project last talked to, or the first one there is."""
    latest = Conversation.objects.visible_to(request.actor).order_by("-updated_at").first()
    if latest is not None:
        return redirect("inference:project_chat", latest.project_id)
    project = Project.objects.visible_to(request.actor).order_by("pk").first()
    if project is not None:
        return redirect("inference:project_chat", project.pk)
    may_create = Team.objects.editable_by(request.actor).exists()
    return render(request, "inference/no_project.html", {"may_create": may_create})


@require_safe
@signed_in
def project_chat(request: SignedInRequest, project_id: int) -> HttpResponse:
    """A new conversation."""
    project = _project(request, project_id)
    return _chat_page(request, project, None, [])


@require_safe
@signed_in
def conversation(request: SignedInRequest, project_id: int, conversation_id: UUID) -> HttpResponse:
    project = _project(request, project_id)
    found = _conversation(request, project_id, conversation_id)
    return _chat_page(request, project, found, thread_of(found.messages.select_related("usage")))


@require_safe
@signed_in
def history(request: SignedInRequest, project_id: int) -> HttpResponse:
    """The list of conversations alone, as the chat page shows it."""
    project = _project(request, project_id)
    return render(request, "inference/history.html", _history(request, project, None))


@require_POST
@signed_in
def rename(request: SignedInRequest, project_id: int, conversation_id: UUID) -> HttpResponse:
    found = _conversation(request, project_id, conversation_id)
    form = RenameForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            services.update_conversation(found, form.cleaned_data, actor=request.actor)
    else:
        messages.error(request, "A title has 1 to 120 characters.")
    return redirect("inference:conversation", project_id, conversation_id)


@require_POST
@signed_in
def pin(request: SignedInRequest, project_id: int, conversation_id: UUID) -> HttpResponse:
    found = _conversation(request, project_id, conversation_id)
    form = PinForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            services.update_conversation(found, form.cleaned_data, actor=request.actor)
    return redirect("inference:conversation", project_id, conversation_id)


@require_POST
@signed_in
def delete(request: SignedInRequest, project_id: int, conversation_id: UUID) -> HttpResponse:
    found = _conversation(request, project_id, conversation_id)
    services.delete_conversation(found, actor=request.actor)
    messages.success(request, "The conversation is deleted.")
    return redirect("inference:project_chat", project_id)


def _project(request: SignedInRequest, project_id: int) -> Project:
    rows = Project.objects.visible_to(request.actor).select_related("team__branding", "llm")
    return get_object_or_404(rows.defer("team__branding__logo"), pk=project_id)


def _conversation(request: SignedInRequest, project_id: int, conversation_id: UUID) -> Conversation:
    rows = Conversation.objects.visible_to(request.actor).filter(project_id=project_id)
    return get_object_or_404(rows, pk=conversation_id)


def _chat_page(
    request: SignedInRequest,
    project: Project,
    conversation: Conversation | None,
    thread: list[Message],
) -> HttpResponse:
    picker = Project.objects.visible_to(request.actor).select_related("team").order_by("name")
    answering = project.llm.enabled and project.team.llms.filter(pk=project.llm_id).exists()
    context = {
        **_history(request, project, conversation),
        **project_rights(request, project),
        "thread": thread,
        "is_unanswered": _is_unanswered(project, thread),
        "picker": picker[:PROJECTS_IN_PICKER],
        "starters": STARTERS,
        "welcome_message": branding_of(project.team).welcome_message,
        "is_answering": answering,
        "endpoint": reverse("project-chat", args=[project.pk]),
    }
    return render(request, "inference/chat.html", context)


def _is_unanswered(project: Project, thread: list[Message]) -> bool:
    """Tell whether the answer is still being kept, or the server broke off before it could be."""
    if not thread or not project.keeps_conversations:
        return False
    return thread[-1].role == Message.Role.USER


def _history(
    request: SignedInRequest, project: Project, conversation: Conversation | None
) -> dict[str, Any]:
    rows = Conversation.objects.visible_to(request.actor).filter(project=project)
    query = clean_query(request.GET.get("q", ""))
    if query:
        rows = rows.filter(title__icontains=query)
    found = list(rows.order_by("-updated_at")[:CONVERSATIONS_SHOWN])
    return {
        "project": project,
        "conversation": conversation,
        "current_id": conversation.pk if conversation else _current_id(request),
        "query": query,
        "groups": _grouped(found),
    }


def _current_id(request: SignedInRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("current", ""))
    except ValueError:
        return None


def _grouped(conversations: list[Conversation]) -> list[tuple[str, list[Conversation]]]:
    """Return the conversations under the headings of the time they were last used."""
    groups: dict[str, list[Conversation]] = {
        name: [] for name in ("Pinned", "Today", "Yesterday", "Previous 7 days", "Older")
    }
    today = timezone.localdate()
    for one in conversations:
        age = today - timezone.localdate(one.updated_at)
        groups[_heading(one, age)].append(one)
    return [(name, rows) for name, rows in groups.items() if rows]


def _heading(conversation: Conversation, age: timedelta) -> str:
    if conversation.pinned:
        return "Pinned"
    if age.days < 1:
        return "Today"
    if age.days < 2:
        return "Yesterday"
    return "Previous 7 days" if age.days <= 7 else "Older"
