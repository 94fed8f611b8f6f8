"""Pure matching of requirements with offers: a match with its operations, or a refusal that explains itself."""
