"""The panel as a whole: what is chosen, and what each choice sets going."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

import ipywidgets as widgets
import traitlets

from polly_magic.api import Client
from polly_magic.commands import COMMANDS, parse
from polly_magic.errors import NotLoggedIn, PollyError
from polly_magic.models import Commit, Repository
from polly_magic.panel.actions import Actions
from polly_magic.panel.cell_writer import current_cell
from polly_magic.panel.commits_view import CommitsView
from polly_magic.panel.details_view import DetailsView, full_path
from polly_magic.panel.editing import Editing
from polly_magic.panel.face import PanelFace
from polly_magic.panel.forms import LoginForm
from polly_magic.panel.history_view import HistoryView
from polly_magic.panel.image_details import read_details
from polly_magic.panel.loading import Job, Loading
from polly_magic.panel.notice import Notice, button
from polly_magic.panel.repositories_view import RepositoriesView
from polly_magic.panel.saved_summary import SavedSummary
from polly_magic.panel.summary import Summary
from polly_magic.references import parse as parse_reference
from polly_magic.settings import current_service, polly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polly_magic.models import User
    from polly_magic.redaction import Secret
    from polly_magic.settings import Service

__all__ = ["Panel"]

_Listing: TypeAlias = "tuple[Client, User, list[Repository]]"


class Panel(widgets.VBox):
    """Choose a repository and a commit, and get the cell that pulls or runs exactly that.

    Everything that takes time happens in other threads; the kernel stays free.

    Parameters
    ----------
    client : Client, optional
        Of the service to show; of whoever is logged in where it is left out.

    Attributes
    ----------
    repository : Repository or None
        The one that is selected; may be set.
    commit : Commit or None
        The one that is selected; may be set.
    reference : str
        Path and digest of the selected commit, ``""`` for none: what to hand to ``docker pull``.

    Examples
    --------
    ::

        panel = Panel()
        panel

    and in a later cell ``print(panel.reference)``.
    """

    repository: Repository | None = traitlets.Instance(Repository, allow_none=True)  # pyright: ignore[reportAssignmentType] - what it holds
    commit: Commit | None = traitlets.Instance(Commit, allow_none=True)  # pyright: ignore[reportAssignmentType] - what it holds
    reference = traitlets.Unicode(read_only=True)

    def __init__(self, client: Client | None = None) -> None:
        self.client = client
        self.user: User | None = None
        self._service = client.login.service if client else None
        self._listing, self._history, self._reading, self._changing = Loading(), Loading(), Loading(), Loading()
        self.repositories = RepositoriesView()
        self.commits = CommitsView()
        self.history = HistoryView()
        self.details = DetailsView()
        self.actions = Actions(self._lost)
        self.login = LoginForm(self._log_in, self._log_in_locally)
        self.editing = Editing(self.repositories.put, self._lost)
        self.notice = Notice()
        self._title = widgets.HTML()
        self._new = button("New repository", self.editing.open_create)
        self._edit = button(
            "Edit", self.editing.open_update, tooltip="Change the description or access of the selected one"
        )
        self._refresh = button("Refresh", self.refresh, tooltip="Ask the service again")
        self._log_out_button = button("Log out", self._log_out)
        self._tools = _row([self._new, self._edit, self._refresh, self._log_out_button], "polly-tools")
        self._chosen = widgets.VBox([self.actions, self.details])
        self._chosen.add_class("polly-chosen")
        self._pushed = widgets.Tab([self.commits, self.history], titles=("Commits", "History"))
        self._pushed.add_class("polly-right")
        self._choice = widgets.VBox([
            self.editing, _row([self.repositories, self._pushed], "polly-tables"), self._chosen,
        ])  # fmt: skip
        self._saved = SavedSummary()
        self._choice.add_class("polly-choice")
        self._head = _row([self._title, self._tools], "polly-head-row")
        super().__init__([self._head, self.notice, self.login, self._choice, self._saved])
        self._saved.panel = self.model_id
        self.add_class("polly-panel")
        traitlets.link((self, "repository"), (self.repositories, "repository"))
        traitlets.link((self, "commit"), (self.commits, "commit"))
        self.observe(self._follow_repository, "repository")
        self.observe(self._follow_commit, "commit")
        self.history.observe(self._choose_in_history, "commit")
        self._new.disabled = self._edit.disabled = True
        self._show(logged_in=True)
        self._follow_commit()
        self.refresh()

    # ---- loading

    def refresh(self) -> None:
        """Ask the service again; the choice stays where it still exists."""
        client = self.client

        def work(job: Job[_Listing]) -> _Listing:
            def show(count: int, _: int | None) -> None:
                job.check()
                job.tell(lambda: self.repositories.wait(count))

            used = client or Client()
            return used, used.user, used.repositories(progress=show)

        def done(answer: _Listing) -> None:
            self.client, self.user, repositories = answer
            self._service = self.client.login.service
            self._show(logged_in=True)
            # The client may be another one now.
            self.editing.offer(self.client, self.repository)
            self.actions.offer(self.client, self.commit)
            self._new.disabled = False
            self.repositories.show(repositories, self.user.organization)
            self._load_commits()
            self._load_details()
            self._keep_summary()

        self.repositories.wait()
        self._listing.start(work, done, lambda error: self._failed(error, self.repositories, self.refresh))

    def _load_commits(self) -> None:
        client, repository = self.client, self.repository
        if client is None or repository is None:
            self._history.cancel()
            self.commits.clear()
            return
        path = parse_reference(repository.path).path
        self.commits.wait()
        self._history.start(
            lambda _: client.commits(path),
            lambda commits: self._show_commits(commits, path),
            lambda error: self._failed(error, self.commits, self._load_commits),
        )

    def _show_commits(self, commits: Sequence[Commit], path: str) -> None:
        self.commits.show(commits, path)
        self.history.show(commits, path)
        self.history.commit = self.commit

    def _choose_in_history(self, change: Any) -> None:
        if change.new is not None:
            self.commit = change.new

    def _load_details(self) -> None:
        client, commit = self.client, self.commit
        if client is None or commit is None:
            self._reading.cancel()
            self.details.clear()
            return
        self.details.wait(commit)
        self._reading.start(
            lambda job: read_details(client, commit, job.check),
            lambda image: self.details.show(commit, image),
            lambda error: self._failed(error, self.details, self._load_details),
        )

    def _follow_repository(self, change: Any) -> None:
        self._edit.disabled = self.repository is None
        self.editing.offer(self.client, self.repository)
        if _path(change.old) != _path(change.new):
            self.commits.forget()
            self.history.show([])
            self._load_commits()

    def _follow_commit(self, _: object = None) -> None:
        self.set_trait("reference", full_path(self.commit) if self.commit else "")
        self.actions.offer(self.client, self.commit)
        self._chosen.layout.display = None if self.commit else "none"
        self.history.commit = self.commit
        self._keep_summary()
        self._load_details()

    @traitlets.validate("commit")
    def _of_repository(self, proposal: Any) -> Commit | None:
        commit = proposal["value"]
        if commit is not None and commit.repository != _path(self.repository):
            raise traitlets.TraitError(f"{full_path(commit)} is no commit of the selected repository")
        return commit

    def _failed(self, error: PollyError, view: Any, again: Callable[[], None]) -> None:
        view.fail(error, again)
        if self._lost(error):
            view.notice.clear()

    # ---- logging in and out

    def _show(self, *, logged_in: bool) -> None:
        self.login.layout.display = "none" if logged_in else None
        self._choice.layout.display = self._tools.layout.display = None if logged_in else "none"
        who = f"{self.user.email} of {self.user.organization}" if logged_in and self.user else "not logged in"
        where = self.client.registry if logged_in and self.client else ""
        known = f'<span class="polly-quiet">{escape(f"{where}, {who}" if where else who)}</span>'
        self._title.value = f'<h3 class="polly-h">Docker repositories</h3> {known if where or not logged_in else ""}'

    def _lost(self, error: PollyError) -> bool:
        """Bring the login form where the service does not know the user; say whether that is so."""
        if not isinstance(error, NotLoggedIn):
            return False
        self.client = None
        for loading in (self._listing, self._history, self._reading):
            loading.cancel()
        self._show(logged_in=False)
        self.login.ask(self._key_service().registry)
        if self._service is None:
            self.login.notice.clear()
        else:
            self.login.fail(error)
        return True

    def _key_service(self) -> Service:
        """Return the service that a key is asked for: that of this machine needs none."""
        service = self._service or current_service()
        return polly() if service.data else service

    def _log_in(self, key: Secret) -> None:
        self._enter(["login", "--service", self._key_service().api_url], PanelFace(key))

    def _log_in_locally(self) -> None:
        self._enter(["login", "--local"], PanelFace())

    def _enter(self, words: Sequence[str], face: PanelFace) -> None:
        self.login.wait("Logging in ...")

        def done(_: object) -> None:
            self.login.notice.clear()
            self.client = None
            self.refresh()

        self._changing.start(lambda _: _command(words, face), done, self.login.fail)

    def _log_out(self) -> None:
        face = PanelFace()

        def done(_: object) -> None:
            self.notice.clear()
            self._lost(NotLoggedIn(" ".join(face.notes)))
            self._forget()
            self.login.notice.say(" ".join(face.notes))

        self.notice.wait("Logging out ...")
        self._changing.start(lambda _: _command(["logout"], face), done, self.notice.fail)

    def _forget(self) -> None:
        # Whoever comes next may be someone else.
        self.user = self._service = None
        self.repositories.show([])
        self._keep_summary()

    # ---- display

    def _keep_summary(self) -> None:
        self._saved.html = self.summary.html()

    @property
    def summary(self) -> Summary:
        """Return what stays in a notebook's file."""
        service = self.client.registry if self.client else ""
        email = self.user.email if self.user and self.client else ""
        return Summary(service, email, len(self.repositories.repositories), self.reference)

    def _repr_mimebundle_(self, **arguments: Any) -> dict[str, Any]:
        # Cells go below the one that shows the panel, which may be another than made it.
        self.actions.writer.anchor = current_cell() or self.actions.writer.anchor
        bundle = super()._repr_mimebundle_(**arguments) or {}
        return {**bundle, "text/plain": self.summary.text(), "text/html": self.summary.html()}


def _command(words: Sequence[str], face: PanelFace) -> None:
    arguments = parse(words, COMMANDS, "%polly_dockers")
    COMMANDS[arguments.command].run(arguments, face)


def _path(repository: Repository | None) -> str:
    return repository.path if repository else ""


def _row(children: Sequence[widgets.Widget], name: str) -> widgets.Box:
    made = widgets.Box(children)
    made.add_class(name)
    return made
