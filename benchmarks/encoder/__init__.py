"""Text encoders side by side: translation and paragraph retrieval, speed and start-up."""
