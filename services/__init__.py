"""What happens then: rules that wait for a fact, one file a subject."""
