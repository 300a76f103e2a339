"""Pages of this app."""

from django.urls import path

from metering import views
from metering.rates import views as rates

app_name = "metering"
urlpatterns = [
    path("budgets", views.budgets, name="budgets"),
    path("budgets/<int:budget_id>", views.budget, name="budget"),
    path("budgets/<int:budget_id>/remove", views.budget_remove, name="budget_remove"),
    path("teams/<int:team_id>/budgets", views.team_budgets, name="team_budgets"),
    path("projects/<int:project_id>/limits", views.project_limits, name="project_limits"),
    path(
        "projects/<int:project_id>/limits/rate", rates.project_rate_limit, name="project_rate_limit"
    ),
    path("users/<int:user_id>/budgets", views.user_budgets, name="user_budgets"),
    path("profile/keys/<int:key_id>/budgets", views.key_budgets, name="key_budgets"),
]
