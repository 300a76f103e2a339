"""Pages of this app."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("login", views.log_in, name="login"),
    path("logout", views.log_out, name="logout"),
    path("setup/<str:token>", views.set_up, name="setup"),
    path("profile", views.profile, name="profile"),
    path("profile/password", views.change_password, name="password"),
    path("profile/theme", views.change_theme, name="theme"),
    path("profile/keys", views.keys, name="keys"),
    path("profile/keys/<int:key_id>/revoke", views.revoke_key, name="revoke_key"),
]
