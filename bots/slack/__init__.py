"""The Slack bot: mentions, direct messages and `/ask`, in Socket Mode or over HTTP."""
