"""The house and its promises."""

from flask import Blueprint, Response, current_app, render_template, request

blueprint = Blueprint("house", __name__)


@blueprint.get("/film")
def film() -> str:
    return render_template("house/film.html")


@blueprint.get("/privacy")
def privacy() -> str:
    return render_template("house/privacy.html")


@blueprint.post("/read")
def read() -> Response:
    """How far down a page somebody read, in pixels."""
    current_app.logger.info("read to %s", request.get_data(as_text=True)[:10])
    return Response(status=204)
