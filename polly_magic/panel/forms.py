"""Forms: to log in, to create a repository, to change one. They ask; whoever made them acts and answers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from polly_magic.errors import Conflict, Forbidden, InvalidReference, PollyError, Rejected
from polly_magic.panel.notice import Notice, button
from polly_magic.panel.secret_field import SecretField

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.models import Access, Repository
    from polly_magic.redaction import Secret

__all__ = ["CreateForm", "LoginForm", "UpdateForm"]


class LoginForm(widgets.VBox):
    """Asks for a key, or for the service of this machine.

    Parameters
    ----------
    log_in : callable
        Is given the key.
    use_local : callable
        Is called for the service of this machine.
    """

    def __init__(self, log_in: Callable[[Secret], None], use_local: Callable[[], None]) -> None:
        self.field = SecretField("Log in", log_in)
        self.local = button("Use the service of this machine", use_local)
        self.notice = Notice()
        why = "No key? Repositories can be kept on this machine; nothing has to be set up."
        hint = widgets.HTML(f'<div class="polly-quiet">{why}</div>')
        super().__init__([self.field, self.notice, hint, self.local])
        self.add_class("polly-form")
        self.add_class("polly-login")

    def ask(self, registry: str) -> None:
        """Say what the key is for, and let it be typed."""
        self.field.label = f"API key for {registry}"
        self._enable(enabled=True)

    def wait(self, text: str) -> None:
        """Let nothing be typed until there is an answer."""
        self.notice.wait(text)
        self._enable(enabled=False)

    def fail(self, error: PollyError) -> None:
        """Show why it did not work, and let it be tried again."""
        self.notice.fail(error)
        self._enable(enabled=True)

    def _enable(self, *, enabled: bool) -> None:
        self.field.disabled = self.local.disabled = not enabled


class _Form(widgets.VBox):
    """Fields with a place for an error below each, and two buttons."""

    def __init__(self, title: str, fields: dict[str, Any], action: str, submit: Callable[[], None]) -> None:
        self._errors = {name: widgets.HTML() for name in fields}
        self.notice = Notice()
        self.submit = button(action, submit, primary=True)
        self.cancel = button("Cancel", self.close_form)
        rows = [widgets.VBox([field, self._errors[name]]) for name, field in fields.items()]
        heading = widgets.HTML(f'<h4 class="polly-h">{escape(title)}</h4>')
        super().__init__([heading, *rows, self.notice, widgets.HBox([self.submit, self.cancel])])
        self.add_class("polly-form")
        self.close_form()

    def open_form(self) -> None:
        """Show it."""
        self._forget_errors()
        self.submit.disabled = False
        self.layout.display = None

    def close_form(self) -> None:
        """Hide it."""
        self.layout.display = "none"

    def wait(self, text: str) -> None:
        """Say what is under way."""
        self._forget_errors()
        self.submit.disabled = True
        self.notice.wait(text)

    def fail(self, error: PollyError) -> None:
        """Show an error beside the field that it is about, or below all of them."""
        self._forget_errors()
        self.submit.disabled = False
        field = _field_of(error)
        if field in self._errors:
            text = error.problem.removeprefix(f"{field}: ")
            self._errors[field].value = f'<div role="alert" class="polly-error">{escape(text)}</div>'
        else:
            self.notice.fail(error)

    def _forget_errors(self) -> None:
        for error in self._errors.values():
            error.value = ""
        self.notice.clear()


def _field_of(error: PollyError) -> str:
    if isinstance(error, Conflict | InvalidReference | Forbidden):
        return "name"
    # The service's words start with the field they are about.
    return error.problem.partition(":")[0] if isinstance(error, Rejected) else ""


class CreateForm(_Form):
    """Asks for a new repository's name, description and access."""

    def __init__(self, create: Callable[[str, str, Access], None]) -> None:
        self.name = widgets.Text(description="Name", placeholder="16june or rna/aligner")
        self.description = widgets.Text(description="Description", placeholder="What it is for")
        self.public = widgets.Checkbox(description="Public: everyone may pull it, also without login", indent=True)
        fields = {"name": self.name, "description": self.description, "access": self.public}
        super().__init__(
            "New repository",
            fields,
            "Create",
            lambda: create(
                self.name.value.strip(), self.description.value.strip(), "public" if self.public.value else "private"
            ),
        )

    def open_form(self) -> None:
        """Show it, empty."""
        self.name.value = self.description.value = ""
        self.public.value = False
        super().open_form()


class UpdateForm(_Form):
    """Asks for another description or access of a repository."""

    def __init__(self, update: Callable[[str, Access], None]) -> None:
        self.description = widgets.Text(description="Description")
        self.access: Any = widgets.Dropdown(
            description="Access",
            options=[("Private: your organisation only", "private"), ("Public: everyone may pull it", "public")],
        )
        fields = {"description": self.description, "access": self.access}
        super().__init__(
            "Edit repository", fields, "Save", lambda: update(self.description.value.strip(), self.access.value)
        )

    def edit(self, repository: Repository) -> None:
        """Show it with what the repository has now."""
        self.description.value = repository.description
        self.access.value = repository.access
        self.open_form()
