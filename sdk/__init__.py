"""An SDK for Mesos framework schedulers: offers, reservations, plans, recovery, storage, HTTP. It knows no product."""
