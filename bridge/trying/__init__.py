"""TRY: what would be sent, without sending: tests beside the templates, and recorded webhooks through new templates."""
