"""An SDK for Mesos framework schedulers: offers, reservations, plans, recovery, storage and HTTP, without any product's knowledge."""
