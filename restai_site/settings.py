"""The one settings file. All that differs between installations comes from the environment."""

from pathlib import Path
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

from restai_site.lib.env import Environment

env = Environment()

VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.boolean("DEBUG", default=False)

# --- Secrets ---------------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
API_KEY_PEPPER = env.secret("API_KEY_PEPPER")
FIELD_ENCRYPTION_KEY = env.fernet_keys("FIELD_ENCRYPTION_KEY")
AUDIT_KEY = env.fernet_keys("AUDIT_KEY")

# --- Audit trail -----------------------------------------------------------------------------
# The newest seal is told there, outside the database.
AUDIT_CHECKPOINT_FILE = env.text("AUDIT_CHECKPOINT_FILE", "")
# Entries that are younger stay, whoever asks for their removal.
AUDIT_MIN_DAYS = env.integer("AUDIT_MIN_DAYS", 90, least=30, most=36_500)

# --- Address ---------------------------------------------------------------------------------
PUBLIC_URL = env.url("PUBLIC_URL", ("https", "http"), "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
_public = urlsplit(PUBLIC_URL)
if _public.hostname and _public.hostname not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_public.hostname)
CSRF_TRUSTED_ORIGINS = [
    f"{_public.scheme}://{_public.netloc}",
    *env.origins("CSRF_TRUSTED_ORIGINS"),
]
BEHIND_TLS = _public.scheme == "https"
# The number of reverse proxies in front whose X-Forwarded-For entries are believed.
TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 0, most=10)
# A counted proxy also says whether the client came over TLS.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None

# --- Applications ----------------------------------------------------------------------------
INSTALLED_APPS = [
    "restai_site.apps.PlatformAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "restai_site.apps.AllauthAccountConfig",
    "restai_site.apps.AllauthSocialAccountConfig",
    "restai_site.ui",
    "restai_site.apps.SiteConfig",
    "audit",
    "accounts",
    "configuration",
    "catalog",
    "teams",
    "projects",
    "metering",
    "guards",
    "inference",
    "widget",
]
MIDDLEWARE = [
    "restai_site.middleware.SecurityMiddleware",
    "restai_site.middleware.RequestContextMiddleware",
    "widget.cors.WidgetCorsMiddleware",
    "restai_site.trail.requests.RequestTrailMiddleware",
    "restai_site.middleware.BoundsMiddleware",
    "restai_site.middleware.StaticFilesMiddleware",
    "restai_site.middleware.SessionMiddleware",
    "restai_site.middleware.CsrfViewMiddleware",
    "restai_site.middleware.AuthenticationMiddleware",
    "restai_site.middleware.MessageMiddleware",
    "restai_site.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "restai_site.urls"
ASGI_APPLICATION = "restai_site.asgi.application"
WSGI_APPLICATION = "restai_site.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "restai_site.frame.frame",
            ],
        },
    }
]

# --- Engines ---------------------------------------------------------------------------------
DATABASES = {
    "default": env.postgres("DATABASE_URL")
    | {
        "CONN_MAX_AGE": env.integer("DATABASE_CONNECTION_SECONDS", 600),
        "CONN_HEALTH_CHECKS": True,
        # A test run makes its own database beside this one.
        "TEST": {"NAME": None},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Threads that talk to the database on behalf of async views; 0 = in the caller's own thread.
DATABASE_THREADS = env.integer("DATABASE_THREADS", 4, most=200)
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "restai",
        # Once: the library would try four times, and wait in between.
        "OPTIONS": {
            "socket_connect_timeout": 1,
            "socket_timeout": 1,
            "retry": Retry(NoBackoff(), 0),
        },
    }
}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = env.text(
    "CELERY_BEAT_SCHEDULE_FILE", str(BASE_DIR / "var" / "celerybeat-schedule")
)
CELERY_BEAT_SCHEDULE = {
    "clear-expired-sessions": {"task": "accounts.clear_expired_sessions", "schedule": 3600.0},
    "end-impersonations": {"task": "accounts.end_impersonations", "schedule": 60.0},
    "expire-reservations": {"task": "metering.expire_reservations", "schedule": 60.0},
    "tell-budget-alerts": {"task": "metering.tell_alerts", "schedule": 15.0},
    "roll-up-usage": {"task": "metering.roll_up", "schedule": 60.0},
    "requeue-bench": {"task": "inference.requeue_bench", "schedule": 60.0},
    "purge-what-is-over": {"task": "projects.purge_due", "schedule": 600.0},
    "look-after-audit-removals": {"task": "audit.look_after_removals", "schedule": 600.0},
    "look-after-audit-erasures": {"task": "audit.look_after_erasures", "schedule": 600.0},
    "look-after-team-erasures": {
        "task": "projects.look_after_team_erasures",
        "schedule": 600.0,
    },
    # One that waits for longer than the next comes is not needed any more.
    "forward-audit-trail": {
        "task": "audit.forward",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "verify-audit-trail": {"task": "audit.verify_daily", "schedule": 86_400.0},
    "rotate-signing-key": {"task": "accounts.rotate_signing_key", "schedule": 3600.0},
}

# Its modification time is the last successful backup; empty where nobody has said so.
BACKUP_STATUS_FILE = env.text("BACKUP_STATUS_FILE", "")

# --- Platform settings -----------------------------------------------------------------------
# What administrators change while the platform runs stands in the sections of the apps.
# How long a process may use platform settings before it asks whether they have changed.
SETTINGS_REFRESH_MILLISECONDS = env.integer("SETTINGS_REFRESH_MILLISECONDS", 500, most=1000)

EMAIL_BACKEND = "restai_site.lib.mail.Backend"

# --- Models ----------------------------------------------------------------------------------
# The small language model that `make run` starts; empty where there is none.
EMBEDDED_MODEL_URL = env.text("EMBEDDED_MODEL_URL", "")
EMBEDDED_MODEL_KEY = env.text("EMBEDDED_MODEL_KEY", "")
EMBEDDED_MODEL_NAME = env.text("EMBEDDED_MODEL_NAME", "smollm2-135m-instruct")
PROVIDER_CONNECTIONS = env.integer("PROVIDER_CONNECTIONS", 1000, least=1, most=100_000)

# --- People ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# Nothing signs in by Django's own functions: accounts.sign_in is the one way to a session.
AUTHENTICATION_BACKENDS: list[str] = []
# allauth goes to identity providers and back, and no further: see accounts.sso.
SOCIALACCOUNT_ADAPTER = "accounts.sso.allauth_adapter.Adapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_QUERY_EMAIL = True
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# The administrator who can sign in by password where only identity providers lead in.
BREAK_GLASS_EMAIL = env.text("BREAK_GLASS_EMAIL", "")
ADMIN_EMAIL = env.text("RESTAI_ADMIN_EMAIL", "")
ADMIN_PASSWORD = env.text("RESTAI_ADMIN_PASSWORD", "")
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dashboard"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_ENGINE = "accounts.sessions.store"
SESSION_COOKIE_NAME = "__Host-session" if BEHIND_TLS else "session"
SESSION_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if BEHIND_TLS else "csrf"
CSRF_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "restai_site.pages.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- Answers ---------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 63_072_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("REQUEST_MAX_BYTES", 4 * 1024 * 1024, least=1024)
# Of a request that brings a file of sound: the file's own limit is in inference.media_bodies.
AUDIO_REQUEST_MAX_BYTES = env.integer("AUDIO_REQUEST_MAX_BYTES", 26 * 1024 * 1024, least=1024)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "var" / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
# Collected files are compressed and named by their content; without them they come as they are.
STATIC_COLLECTED = (STATIC_ROOT / "staticfiles.json").is_file() and not DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_COLLECTED or env.boolean("COLLECT_STATIC", default=False)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Files are for our own pages; the widget says for itself who may load it.
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
WHITENOISE_AUTOREFRESH = not STATIC_COLLECTED

# Pages of other websites reach the widget alone: widget/cors.py says which, one by one. None of
# these opens anything by itself.
CORS_URLS_REGEX = r"^/widget/"
CORS_ALLOWED_ORIGINS: list[str] = []
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["POST"]
CORS_ALLOW_HEADERS = ["authorization", "content-type", "x-widget-session"]
CORS_EXPOSE_HEADERS = ["Retry-After"]
CORS_PREFLIGHT_MAX_AGE = 600

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["restai_site.lib.permissions.IsSignedIn"],
    "DEFAULT_PARSER_CLASSES": ["restai_site.lib.drf.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "restai_site.api.renderers.PageRenderer",
    ],
    "DEFAULT_PAGINATION_CLASS": "restai_site.lib.drf.PagePagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "restai_site.lib.drf.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "RESTai",
    "DESCRIPTION": "A self-hosted, multi-tenant AI platform.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    # Operations are grouped by what follows it; `/permissions/matrix` has a group of its own.
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_PERMISSIONS": ["restai_site.lib.permissions.IsSignedIn"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # The page draws no more than some 130 operations at once: groups open when they are asked for.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "filter": True},
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "inference.api.schema.add_model_calls",
        "restai_site.api.schema.add_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "TeamRole": "teams.models.Membership.Role",
        "ProjectRole": "projects.models.ProjectMember.Role",
        "ProviderKind": "catalog.models.ProviderAccount.Kind",
        "UsageKind": "metering.models.UsageRecord.Kind",
        "BudgetPeriod": "metering.models.Budget.Period",
        "BudgetUnit": "metering.models.Budget.Unit",
        "GuardStage": "guards.models.GuardBinding.Stage",
        "FindingStage": "guards.models.GuardEvent.Stage",
        "GuardRunState": "guards.models.GuardRun.State",
        "PostureState": "restai_site.posture.api.STATES",
        "KeyScope": "accounts.models.ApiKey.Scope",
        "ChosenKeyScope": "accounts.models.ApiKey.CHOSEN_SCOPES",
        "UserTheme": "accounts.models.User.Theme",
        "WidgetTheme": "widget.models.Widget.Theme",
    },
}

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.choice("LOG_LEVEL", "INFO", LOG_LEVELS)},
    "loggers": {"django.request": {"level": "ERROR"}, "httpx": {"level": "WARNING"}},
}
