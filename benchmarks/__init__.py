"""Measurements that take longer than a test should; each folder is one command."""
