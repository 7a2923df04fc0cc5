"""The documentation, so that a set-up page's links lead somewhere without leaving the console."""

from flask import Blueprint, abort, render_template, url_for

from bridge.web.console import guides


def add(console: Blueprint) -> None:
    """`/console/help/<page>`."""

    @console.get("/help/<page>")
    def help_page(page: str) -> str:
        """One page of docs/."""
        text = guides.find(page)
        if text is None:
            abort(404, description="there is no such page")
        title = text.partition("\n")[0].lstrip("# ")
        return render_template("console/help.html", title=title, guide=guides.as_html(text, link))


def link(page: str, anchor: str) -> str | None:
    """Where a link to a page leads; None if it is not shipped."""
    if guides.find(page) is None:
        return None
    return url_for("console.help_page", page=page, _anchor=anchor or None)
