"""The pages a browser opens."""
