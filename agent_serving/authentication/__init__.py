"""Who sends a request: API keys and bearer tokens of an OpenID Connect provider, each with a role and purposes."""
