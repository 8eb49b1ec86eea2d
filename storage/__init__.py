"""What is remembered: tables, and one file per subject's reads and writes, which speak the domain."""
