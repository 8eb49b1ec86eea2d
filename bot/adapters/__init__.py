"""One file a platform: how it hears and how it draws. Platform names occur nowhere else."""
