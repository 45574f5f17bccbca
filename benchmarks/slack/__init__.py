"""How soon Slack is told that a question arrived, while many are being answered."""
