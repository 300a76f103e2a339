"""Pages of the test bench."""

from django.urls import path

from inference.bench import set_views, views

app_name = "bench"
SET = "guards/bench/sets/<int:guard_set_id>"
RUN = "guards/bench/runs/<int:run_id>"
urlpatterns = [
    path("guards/bench", views.runs, name="runs"),
    path("guards/bench/new", views.run_new, name="run_new"),
    path("guards/bench/try", views.try_text, name="try"),
    path("guards/bench/compare", views.compare, name="compare"),
    path("guards/bench/sets", set_views.sets, name="sets"),
    path("guards/bench/sets/new", set_views.set_new, name="set_new"),
    path(SET, set_views.guard_set, name="set"),
    path(f"{SET}/delete", set_views.set_delete, name="set_delete"),
    path(RUN, views.run, name="run"),
    path(f"{RUN}/rename", views.run_rename, name="run_rename"),
    path(f"{RUN}/cancel", views.run_cancel, name="run_cancel"),
    path(f"{RUN}/delete", views.run_delete, name="run_delete"),
]
