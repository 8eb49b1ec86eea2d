"""Words, turns and conversations; knows no platform, no database, no subject."""
