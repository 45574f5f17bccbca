"""Tests of the Slack bot, over real HTTP and WebSocket connections on the loopback interface."""
