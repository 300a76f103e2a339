"""Programs that call a project, ready to copy."""

from dataclasses import dataclass

from projects.models import Project


@dataclass(frozen=True)
class Language:
    """A language that snippets are written in; `highlight` is its name for the highlighter."""

    key: str
    label: str
    highlight: str


CURL = Language("curl", "curl", "bash")
PYTHON = Language("python", "Python", "python")
JAVASCRIPT = Language("javascript", "JavaScript", "javascript")
LANGUAGES = (CURL, PYTHON, JAVASCRIPT)


@dataclass(frozen=True)
class Snippet:
    """A program and what it shows."""

    id: str
    title: str
    text: str
    code: str


_OPENAI = {
    "curl": """\
curl {address}/v1/chat/completions \\
  -H "Authorization: Bearer $RESTAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "model": "project/{project}",
    "messages": [{{"role": "user", "content": "Hello!"}}]
  }}'
""",
    "python": """\
# pip install openai
import os

from openai import OpenAI

client = OpenAI(
    base_url="{address}/v1",
    api_key=os.environ["RESTAI_API_KEY"],
)

stream = client.chat.completions.create(
    model="project/{project}",
    messages=[{{"role": "user", "content": "Hello!"}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
""",
    "javascript": """\
// npm install openai
import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{address}/v1",
  apiKey: process.env.RESTAI_API_KEY,
}});

const stream = await client.chat.completions.create({{
  model: "project/{project}",
  messages: [{{ role: "user", content: "Hello!" }}],
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}}
""",
}
_NATIVE = {
    "curl": """\
curl {address}/api/projects/{project}/chat \\
  -H "Authorization: Bearer $RESTAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"message": "Hello!"}}'
""",
    "python": """\
import json
import os
from urllib.request import Request, urlopen

request = Request(
    "{address}/api/projects/{project}/chat",
    data=json.dumps({{"message": "Hello!"}}).encode(),
    headers={{
        "Authorization": "Bearer " + os.environ["RESTAI_API_KEY"],
        "Content-Type": "application/json",
    }},
)
with urlopen(request) as response:
    print(json.load(response))
""",
    "javascript": """\
const response = await fetch("{address}/api/projects/{project}/chat", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.RESTAI_API_KEY}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({{ message: "Hello!" }}),
}});
console.log(await response.json());
""",
}

_KEPT = "Keeps the conversation on the server: send the returned conversation_id to go on."
_NOT_KEPT = "Keeps nothing that is said: send the earlier turns as history to go on."


def language_of(key: str) -> Language:
    """Return the language with this key, curl for unknown ones."""
    return next((one for one in LANGUAGES if one.key == key), CURL)


def snippets(language: Language, address: str, project: Project) -> list[Snippet]:
    """Return the ways to call a project, in one language."""
    values = {"address": address, "project": project.pk}
    return [
        Snippet(
            "snippet-openai",
            "With any OpenAI client",
            "The project is a model. Its prompt and parameters are added on the server.",
            _OPENAI[language.key].format(**values),
        ),
        Snippet(
            "snippet-native",
            "With the platform's own API",
            _KEPT if project.keeps_conversations else _NOT_KEPT,
            _NATIVE[language.key].format(**values),
        ),
    ]
