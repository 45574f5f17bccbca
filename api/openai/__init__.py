"""maqal as a model for OpenAI's clients: their requests read, answers written as they expect them (docs/clients.md)."""
