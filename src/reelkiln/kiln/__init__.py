"""Production: where plan, backend, gate and film meet."""
