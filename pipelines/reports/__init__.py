"""The regular reports under differential privacy, one YAML file each; read by `pipelines.private_report`. No code."""
