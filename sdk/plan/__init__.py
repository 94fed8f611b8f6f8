"""Pure plans: plan, phase and step values, strategies, and the factories for deploy, recovery and decommission."""
