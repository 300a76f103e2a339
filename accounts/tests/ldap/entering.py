"""Coming in by the log-in page, for the tests in this folder."""

from accounts.models import User
from accounts.sign_in import WRONG
from restai_site.tests.slapd import password_of

LOCAL_PASSWORD = "unusual staple of horses"


def log_in(client, login, password=None):
    return client.post("/login", {"email": login, "password": password or password_of(login)})


def is_in(answer) -> bool:
    return (answer.status_code, answer.headers.get("Location")) == (302, "/")


def is_refused(answer, words=WRONG) -> bool:
    return answer.status_code == 400 and words in answer.text


def local_user(email, **values) -> User:
    user = User(email=email, **values)
    user.set_password(LOCAL_PASSWORD)
    user.save()
    return user
