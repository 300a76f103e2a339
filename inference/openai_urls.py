"""The OpenAI-compatible API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
