"""The portal as a WSGI application, for gunicorn: ``app:app``."""

from portal.web import create_app

app = create_app()
