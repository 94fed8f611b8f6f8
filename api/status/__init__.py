"""What is known of a pool, joined and judged for people: states, sentences, addresses. Pure."""
