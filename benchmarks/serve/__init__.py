"""How quick and how steady the REST service is under load."""
