"""Creating a repository, and changing one: two forms, of which one is open at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from polly_magic.commands.create import create
from polly_magic.panel.face import PanelFace
from polly_magic.panel.forms import CreateForm, UpdateForm
from polly_magic.panel.loading import Loading
from polly_magic.references import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.api import Client
    from polly_magic.errors import PollyError
    from polly_magic.models import Access, Repository

__all__ = ["Editing"]


class Editing(widgets.VBox):
    """The forms, and the calls that they make.

    Parameters
    ----------
    saved : callable
        Is given the repository as the service has it now.
    refused : callable
        Is told of each error of the service, which the form shows too.
    """

    def __init__(self, saved: Callable[[Repository], None], refused: Callable[[PollyError], bool]) -> None:
        self.create = CreateForm(self._create)
        self.update = UpdateForm(self._update)
        self.saving = Loading()
        self._saved, self._refused = saved, refused
        self._client: Client | None = None
        self._repository: Repository | None = None
        super().__init__([self.create, self.update])

    def offer(self, client: Client | None, repository: Repository | None) -> None:
        """Change this repository from now on, and create others of this client."""
        self._client, self._repository = client, repository
        self.update.close_form()

    def open_create(self) -> None:
        """Ask for a new repository."""
        self.update.close_form()
        self.create.open_form()

    def open_update(self) -> None:
        """Ask what to change, if a repository is selected."""
        if self._repository:
            self.create.close_form()
            self.update.edit(self._repository)

    def _create(self, name: str, description: str, access: Access) -> None:
        client = self._client
        if client:
            self._save(self.create, lambda _: create(name, description, access, client, PanelFace()))

    def _update(self, description: str, access: Access) -> None:
        client, repository = self._client, self._repository
        if client and repository:
            path = parse(repository.path).path
            self._save(self.update, lambda _: client.update(path, description=description, access=access))

    def _save(self, form: CreateForm | UpdateForm, work: Callable[[object], Repository]) -> None:
        def done(repository: Repository) -> None:
            form.close_form()
            self._saved(repository)

        def failed(error: PollyError) -> None:
            form.fail(error)
            self._refused(error)

        form.wait("Saving ...")
        self.saving.start(work, done, failed)
