"""How well what people type is understood, beside what others would put in its place."""
