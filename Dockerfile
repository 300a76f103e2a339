# The server alone: PostgreSQL and Redis come by DATABASE_URL and REDIS_URL. See .env.example.
#   web:     docker run --env-file .env -p 8000:8000 restai
#   worker:  docker run --env-file .env --no-healthcheck restai celery --app restai_site.celery worker
#   beat:    docker run --env-file .env --no-healthcheck restai celery --app restai_site.celery beat
# Once after each update, with the owner of the tables in DATABASE_URL:
#   docker run --env-file .env restai python manage.py migrate
#   docker run --env-file .env restai python manage.py grant_web_role restai_web
# Once after the first update, for the link that makes the first administrator:
#   docker run --env-file .env restai python manage.py setup --print-link

# The base image is named by its tag, so that a build takes its newest fixes. Whoever needs the same
# image again names it by its digest, in both places: FROM python:3.11-slim-trixie@sha256:...
FROM python:3.11-slim-trixie AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libldap-dev libsasl2-dev
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt requirements-build.txt requirements-ldap.txt ./
# Built packages alone: to build one, pip would fetch tools that nothing pins, and run them.
RUN pip install --only-binary :all: --require-hashes --requirement requirements.txt
# But for python-ldap, which has none: it is built by tools that are pinned and stay in this stage.
RUN pip install --only-binary :all: --require-hashes --target /tools \
    --requirement requirements-build.txt
RUN PYTHONPATH=/tools pip install --only-binary :all: --no-binary python-ldap --no-build-isolation \
    --require-hashes --constraint requirements.txt --requirement requirements-ldap.txt
COPY . .
# The settings that only type checking uses hold no secret and name no engine: enough to collect.
RUN DJANGO_SETTINGS_MODULE=restai_site.settings_types COLLECT_STATIC=true \
    STATIC_ROOT=/app/staticfiles python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q /app \
    && chmod -R a+rX /app

FROM python:3.11-slim-trixie
# What python-ldap was built against.
RUN apt-get update && apt-get install --yes --no-install-recommends libldap2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# Writes nothing outside /tmp, so that the root file system may be read-only, and reads nothing that
# only one user may, so that any user id will do. Secrets come when it runs, none is in a layer.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    STATIC_ROOT=/app/staticfiles CELERY_BEAT_SCHEDULE_FILE=/tmp/celerybeat-schedule \
    WEB_WORKERS=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["python", "-c", \
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=2); c.request('GET', '/health/live', headers={'Host': 'localhost'}); raise SystemExit(c.getresponse().status >= 500)"]
CMD ["sh", "-c", "exec uvicorn --host 0.0.0.0 --port 8000 --workers \"$WEB_WORKERS\" --loop uvloop --http httptools --ws none --lifespan off --no-proxy-headers --no-server-header --no-access-log restai_site.asgi:application"]
