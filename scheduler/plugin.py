"""The framework plugin: follows the pools in ZooKeeper and publishes a service for each.

Also serves the executor's artifact to agents, has instances given their secrets, and removes what instances of deleted
pools left in ZooKeeper. A pool that cannot become a service slows down only itself: its instances stay as they are, and
the reason is shown.
"""

import os
import threading
from collections.abc import Sequence
from functools import partial

import structlog
from flask import Blueprint, Response

from pool_executor import artifact, haproxy_artifact
from scheduler.options import Options, parse_options
from scheduler.pools.principal import principal_problem
from scheduler.pools.service import ARTIFACT_SUM, Deployment, ServedHaproxy, service_spec
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolStore, PoolView, PoolWatch
from scheduler.secret_delivery import Courier
from scheduler.secret_stores.settings import SecretSettings, open_store
from sdk.errors import InvalidSpec, SdkError, StorageUnavailable
from sdk.http.errors import HttpError
from sdk.http.openapi import described, open_to_all
from sdk.model.spec import ServiceSpec
from sdk.plugin import ADVERTISED, Host, Targets
from sdk.storage.connection import NotEmpty

_log = structlog.get_logger()

# An instance's status node lives until its session ends; deleting goes on when it has.
_CLEANING_AGAIN = 5.0


class EdgeLB:
    """The plugin."""

    def __init__(self) -> None:
        self._artifact = artifact.build()
        self._host: Host | None = None
        self._deployment: Deployment | None = None
        self._watch: PoolWatch | None = None
        self._view: PoolView | None = None
        self._courier: Courier | None = None
        self._told: dict[str, tuple[StoredPool, ServiceSpec]] = {}
        self._services: frozenset[str] | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._dirty = False
        self._cleaner = threading.Thread(target=self._clean, name="pool leftovers", daemon=True)

    def start(self, host: Host) -> None:
        """Work out what all pools have in common, and begin to clean up and to deliver secrets."""
        settings = host.settings
        options = parse_options(settings.framework.options)
        self._host = host
        host.fill_in({ARTIFACT_SUM: self._artifact.sha256})
        self._deployment = Deployment(
            executor=self._artifact.identity,
            artifact_url=_url(ARTIFACT_SUM, self._artifact.name),
            zk=settings.zk,
            zk_root=settings.zk_root,
            framework=settings.framework.name,
            replace_after=settings.replace_after,
            kill_grace=options.kill_grace,
            old_workers=options.old_workers,
            hard_stop_after=options.hard_stop_after,
            close_spread=options.close_spread,
            haproxy=_served(options),
        )
        secrets = SecretSettings.from_environment(os.environ)
        self._courier = Courier(
            host,
            open_store(secrets),
            patterns=secrets.paths,
            refresh=secrets.refresh,
            authority=secrets.autocert_ca,
        )
        self._courier.start()
        self._cleaner.start()

    def took_charge(self, targets: Targets) -> None:
        """Publish all pools, read anew, and again at each of their changes."""
        assert self._host is not None
        if self._watch is not None:
            self._watch.close()
        self._view = None
        store = PoolStore(self._host.zookeeper, self._host.settings.zk_root)
        self._watch = store.watch(partial(self._on_pools, targets))

    def stop(self) -> None:
        """End the watch, the cleaning, and the delivery of secrets."""
        if self._courier is not None:
            self._courier.stop()
        if self._watch is not None:
            self._watch.close()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def blueprints(self, host: Host) -> Sequence[Blueprint]:
        """What agents fetch, named by its content.

        Raises InvalidSpec for options and settings of secrets that are wrong, EnvironmentProblem when there is no
        HAProxy that is to be served.
        """
        open_store(SecretSettings.from_environment(os.environ))
        options = parse_options(host.settings.framework.options)
        served = [self._artifact, *([haproxy_artifact.build()] if options.serve_haproxy else [])]
        files = {(one.sha256, one.name): one for one in served}
        routes = Blueprint(f"pools-{host.settings.framework.name}", __name__)

        @routes.get("/v1/artifacts/<sha256>/<name>")
        @open_to_all
        @described("A file that agents fetch.", {"type": "string"}, media="application/zip")
        def download(sha256: str, name: str) -> Response:
            found = files.get((sha256, name))
            if found is None:
                there = ", ".join(f"{one.sha256}/{one.name}" for one in served)
                raise HttpError(404, f"this process serves {there}, not the file asked for")
            return Response(found.data, mimetype="application/zip", headers={"Cache-Control": "public, immutable"})

        return [routes]

    def on_change(self) -> None:
        """A service may be gone: most changes are about other things. An instance may be there that wants secrets."""
        if self._courier is not None:
            self._courier.instances_changed()
        services = self._host.services if self._host is not None else None
        if services != self._services:
            self._services = services
            self._look()

    def _look(self) -> None:
        with self._changed:
            self._dirty = True
            self._changed.notify_all()

    def uninstalled(self) -> None:
        """Remove pools, their history, what they are made of, and statuses; the template removes what it rendered."""
        assert self._host is not None
        zookeeper, root = self._host.zookeeper, self._host.settings.zk_root
        for node in ("pool-templates", "pools", "history", "instances"):
            zookeeper.delete(f"{root}/{node}", recursive=True)

    # -- pools ---------------------------------------------------------------------------------------------------------

    def _on_pools(self, targets: Targets, view: PoolView) -> None:
        assert self._host is not None
        problems = dict(view.unreadable)
        services: dict[str, ServiceSpec] = {}
        for name, stored in view.items():
            try:
                services[name] = self._service(name, stored)
            except InvalidSpec as error:
                _log.error("A pool cannot become a service", pool=name, reason=str(error))
                problems[name] = str(error)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one pool must not stop the others
                _log.exception("A pool cannot become a service", pool=name)
                problems[name] = f"{type(error).__name__}: {error}"
        self._told = {name: told for name, told in self._told.items() if name in view}
        self._view = view
        self._host.report(problems)
        assert self._courier is not None
        self._courier.pools_are(
            {name: {one.file: one.secret for one in stored.pool.secrets} for name, stored in view.items()},
            certified={name for name, stored in view.items() if stored.pool.has_own_certificate},
            keep=view.unreadable,
        )
        # What cannot be read or converted exists all the same: its instances stay.
        targets.publish_all(services, keep=set(problems))
        self._look()

    def _service(self, name: str, stored: StoredPool) -> ServiceSpec:
        told = self._told.get(name)
        if told is not None and told[0] == stored:
            return told[1]
        assert self._host is not None
        assert self._deployment is not None
        wanted = stored.pool.principal
        if (rule := principal_problem(wanted, self._host.settings.framework.principal)) is not None:
            raise InvalidSpec("pool.principal", f"{wanted} {rule}")
        spec = service_spec(stored.pool, stored.revision, self._deployment)
        self._told[name] = (stored, spec)
        return spec

    # -- leftovers -----------------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        again = False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._stopping, _CLEANING_AGAIN if again else None)
                if self._stopping:
                    return
                self._dirty = False
            try:
                again = self._remove_leftovers()
            except SdkError as error:
                again = True
                _log.debug("Leftovers of pools could not be looked at", error=str(error))

    def _remove_leftovers(self) -> bool:
        """Remove status folders of pools that are gone; True when it must be tried again."""
        host, view = self._host, self._view
        services = host.services if host is not None and host.leading else None
        if host is None or view is None or services is None:
            return False
        base = f"{host.settings.zk_root}/instances"
        again = False
        for pool in host.zookeeper.children(base):
            if pool in view or pool in view.unreadable or pool in services:
                continue
            try:
                host.zookeeper.delete(f"{base}/{pool}")
                _log.info("Removed the status folder of a deleted pool", pool=pool)
            except (NotEmpty, StorageUnavailable):
                again = True
        return again


def _url(sha256: str, name: str) -> str:
    return f"{ADVERTISED}/v1/artifacts/{sha256}/{name}"


def _served(options: Options) -> ServedHaproxy | None:
    if not options.serve_haproxy:
        return None
    file = haproxy_artifact.build()
    return ServedHaproxy(archive=file.name, sha256=file.sha256, url=_url(file.sha256, file.name))
