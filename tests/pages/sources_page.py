"""The Default Package Repositories page as a person handles it: by its labels and buttons."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import FilePayload, Locator, Response, expect
from tests.pages.watched_browser import Visitor
from tests.pages.yard import PAGE

__all__ = ["SourcesPage"]


class SourcesPage:
    """The page in one visitor's browser; opened, unless the visitor is there already."""

    def __init__(self, visitor: Visitor, path: str = PAGE) -> None:
        self.visitor = visitor
        self.page = visitor.page
        if path:
            visitor.go(path)

    # -- fields

    @property
    def index_url(self) -> Locator:
        return self.page.get_by_label("Index URL", exact=True)

    @property
    def extras(self) -> Locator:
        """Every row's field."""
        return self.page.get_by_label("Extra index URL", exact=True)

    @property
    def certificate(self) -> Locator:
        return self.page.get_by_label("Custom SSL certificate")

    @property
    def extras_group(self) -> Locator:
        """What holds the rows."""
        return self.page.get_by_role("group", name="Extra index URLs")

    @property
    def project(self) -> Locator:
        return self.page.get_by_label("with project")

    def type_extras(self, *urls: str) -> None:
        """One row each, adding rows as needed."""
        for place, url in enumerate(urls):
            if place:
                self.add_row()
                expect(self.extras).to_have_count(place + 1)
            self.extras.nth(place).fill(url)

    def add_row(self) -> None:
        self.page.get_by_role("button", name="Add extra index URL").click()

    def paste_certificate(self, text: str) -> None:
        """As the clipboard does it: at once, however long it is."""
        self.certificate.evaluate(
            """(area, text) => {
                area.value = text;
                area.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            text,
        )

    def choose_file(self, name: str, content: bytes) -> None:
        payload: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.get_by_label("Or take it from a file").set_input_files(payload)

    def values(self) -> tuple[str, list[str], str]:
        """What stands in the fields."""
        extras = [field.input_value() for field in self.extras.all()]
        return self.index_url.input_value(), extras, self.certificate.input_value()

    # -- doing

    def save(self) -> Response:
        """Press Save; returns the answer to the form."""
        with self.page.expect_response(_is_save) as sent:
            self.press_save()
        return sent.value

    def press_save(self) -> None:
        """Once the form is free; by no pointer and no key, because hints move the page and refusals move the focus."""
        expect(self.page.locator("#sources")).not_to_have_attribute("data-busy", re.compile(".*"))
        self.save_button.dispatch_event("click")

    @property
    def save_button(self) -> Locator:
        return self.page.get_by_role("button", name="Save", exact=True)

    def saved(self) -> None:
        """Press Save, and see that it was."""
        with self.page.expect_navigation(url=re.compile(r"done=saved")):
            self.press_save()
        expect(self.page.get_by_text("Saved.", exact=True)).to_be_visible()

    def refused(self) -> None:
        """Press Save, and see that it was not."""
        answer = self.save()
        assert answer.status == 422, answer.status
        expect(self.page.get_by_text("Not saved.", exact=True)).to_be_visible()

    def check(self) -> None:
        """Press Check, and wait for the results."""
        with self.page.expect_response(lambda answer: answer.url.endswith(f"{PAGE}/check")):
            self.page.get_by_role("button", name="Check", exact=True).click()
        expect(self.page.locator(".result, #check .muted").first).to_be_visible()

    def delete_button(self, words: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(rf"^Delete\W+the stored {words}"))

    def delete(self, words: str) -> None:
        """Press Delete of one value and confirm."""
        self.delete_button(words).click()
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    # -- reading

    def messages(self, near: Locator) -> str:
        """What is said next to a field: the text of the elements that describe it, save its hint."""
        described_by = (near.get_attribute("aria-describedby") or "").split()
        found = [self.page.locator(f"#{one}").inner_text() for one in described_by if not one.endswith("-hint")]
        return " ".join(" ".join(found).split())

    def errors(self) -> Sequence[str]:
        """Every error on the page."""
        return self.visitor.texts(".message.error")

    def warnings(self) -> Sequence[str]:
        return self.visitor.texts(".message.warning")

    def history(self) -> list[str]:
        return self.visitor.texts("ol.history li")


def _is_save(answer: Response) -> bool:
    return answer.request.method == "POST" and answer.url.endswith(PAGE)
