"""Where people meet maqal: the terminal command and Slack."""
