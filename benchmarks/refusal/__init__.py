"""How well "the article does not say" is told from questions that the article answers, and the fit of that score."""
