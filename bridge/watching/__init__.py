"""WATCH: what is wrong is noticed, and told once: by a webhook that Slack understands, or by e-mail."""
