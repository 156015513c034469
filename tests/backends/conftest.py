from tiny_models import tiny  # noqa: F401
