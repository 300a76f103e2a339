"""Projects: a model with a system prompt, and who may use it."""
