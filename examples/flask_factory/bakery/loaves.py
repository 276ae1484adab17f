"""What there is to buy."""

from flask import Blueprint, Response, abort, g, make_response, render_template, request

blueprint = Blueprint("loaves", __name__)

LOAVES = {
    "rye": "Dark rye, three days in the making.",
    "spelt": "Spelt with walnuts, on Thursdays.",
    "milk": "Milk bread for Sundays.",
}


@blueprint.get("/")
def front() -> str:
    return render_template("loaves/front.html", loaves=LOAVES, last=request.cookies.get("last_loaf"))


@blueprint.get("/loaf/<name>")
def loaf(name: str) -> Response:
    if name not in LOAVES:
        abort(404)
    response = make_response(render_template("loaves/loaf.html", name=name, text=LOAVES[name]))
    if g.consent.allows("preferences"):
        response.set_cookie("last_loaf", name, max_age=30 * 86_400, samesite="Lax")
    return response


@blueprint.app_errorhandler(404)
def missing(_error: Exception) -> tuple[str, int]:
    return render_template("missing.html"), 404
