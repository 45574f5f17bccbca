"""The REST service: a thin rendering of rag's answers over HTTP."""
