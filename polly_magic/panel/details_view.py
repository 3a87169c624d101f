"""What there is to know about the selected commit."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import ipywidgets as widgets

from polly_magic.commands.display import local_time
from polly_magic.panel import sheet
from polly_magic.panel.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.errors import PollyError
    from polly_magic.models import Commit
    from polly_magic.panel.image_details import ImageDetails

__all__ = ["DetailsView", "full_path"]


class DetailsView(widgets.VBox):
    """Facts about a commit: those that its row holds at once, those of the image once they are there."""

    def __init__(self) -> None:
        self.sheet = sheet.Sheet()
        self.notice = Notice()
        super().__init__([self.sheet, self.notice])
        self.add_class("polly-details")

    def clear(self) -> None:
        """Show nothing."""
        self.sheet.items = []
        self.notice.clear()

    def wait(self, commit: Commit) -> None:
        """Show what is known, while the image is being asked."""
        self.sheet.items = _known(commit)
        self.notice.wait("Reading the image ...")

    def show(self, commit: Commit, image: ImageDetails) -> None:
        """Show everything."""
        self.notice.clear()
        self.sheet.items = [*_known(commit), *_of_image(image, commit)]

    def fail(self, error: PollyError, again: Callable[[], None]) -> None:
        """Show why nothing is known of the image."""
        self.notice.fail(error, again)


def full_path(commit: Commit) -> str:
    """Return what names exactly this commit, whatever becomes of its tag."""
    return f"{commit.repository}@{commit.commit_hash}"


def _known(commit: Commit) -> list[sheet.Item]:
    begin = local_time(commit.pushed_at)
    if commit.tag_status == "active":
        when = f"since {begin}"
    elif commit.replaced_at:
        when = f"{begin} until {local_time(commit.replaced_at)}"
    else:
        when = f"from {begin}; since replaced"
    return [
        sheet.fact("Full path", full_path(commit), mono=True, copy="Copy path"),
        sheet.fact("Active", when),
        sheet.fact("Pushed by", commit.pushed_by),
        sheet.words("Platforms", commit.platforms),
    ]


def _of_image(image: ImageDetails, commit: Commit) -> list[sheet.Item]:
    items: list[sheet.Item] = []
    if len(commit.platforms) > 1:
        items.append(sheet.fact("Shown for", image.platform))
    items.append(sheet.parts("Layers", [size for _, size in image.layers], [digest for digest, _ in image.layers]))
    if image.entrypoint:
        items.append(sheet.fact("Entry point", shlex.join(image.entrypoint), mono=True))
    if image.command:
        items.append(sheet.fact("Command", shlex.join(image.command), mono=True))
    if image.variables:
        items.append(sheet.words("Environment", image.variables))
    if image.labels:
        items.append(sheet.pairs("Labels", image.labels))
    return items
