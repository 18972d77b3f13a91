"""What browsers are told not to do with our pages (THREATS 16, 22)."""

from typing import Final

from flask import Flask, Response, request

_POLICY: Final = {
    "default_src": "'none'",
    "script_src": "'self'",
    "style_src": "'self'",
    "img_src": "'self' data:",  # data: Tabler's own little pictures within its style sheet
    "connect_src": "'self'",
    "form_action": "'self'",
    "base_uri": "'none'",
    "frame_ancestors": "'none'",
}
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with that, browsers say "Origin: null" in our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ONE_YEAR: Final = "max-age=31536000; includeSubDomains"


def init_app(app: Flask, *, is_https: bool) -> None:
    def add_headers(response: Response) -> Response:
        for directive, sources in _POLICY.items():
            setattr(response.content_security_policy, directive, sources)
        response.headers.update(_HEADERS)
        if is_https:
            response.headers["Strict-Transport-Security"] = _ONE_YEAR
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(add_headers)
