"""The regular questions under differential privacy, one YAML file each. No code."""
