"""The way of a pool's structure to ZooKeeper: rendered elsewhere, its parts written, then one head that names them.

Knows in which order it happens and what is done when it cannot. Runs on the worker's thread, while in charge; what
takes its time is done on others, so that a pool that cannot be rendered or written delays nobody.
"""

from dataclasses import dataclass, replace

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.leftovers import COLLECT_AFTER, Leftovers
from api.dcos_template.publishing.published import Paths, Published, load_structure, write_parts
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.processes import TooSlow
from api.dcos_template.state import PoolState, Rendered
from pool_executor.contract import MAX_NODE_BYTES, Structure, encode_structure
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import Create, Op, Set, StorageConflict

_MOMENT = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    head: Structure
    node: int
    nodes: set[str]


class StructureLane:
    """Of all pools."""

    def __init__(self, context: Context, leftovers: Leftovers) -> None:
        self._context = context
        self._leftovers = leftovers

    def publish(self, name: str, state: PoolState) -> None:
        """Begin to render and write the pool as it is now."""
        charge = self._context.charge
        assert charge is not None
        now = self._context.clock.monotonic()
        state.structure = state.structure.publishing(now)
        stored = state.stored
        if state.rendered is not None and state.rendered.fits(stored):
            self._write(name, state, charge, state.rendered.texts)
            return
        self._context.workshop.render(
            stored,
            state.slow,
            lambda outcome: self._context.attend(
                What.STRUCTURE, name, lambda: self._rendered(name, state, charge, stored, outcome)
            ),
        )

    def _rendered(
        self, name: str, state: PoolState, charge: Charge, stored: object, outcome: Texts | Exception
    ) -> None:
        if not self._context.is_current(name, state, charge):
            return
        now = self._context.clock.monotonic()
        if stored is not state.stored:  # a newer version came meanwhile
            state.structure = state.structure.succeeded().at_once(now)
        elif isinstance(outcome, InvalidSpec):
            self._refuse(name, state, outcome)
        elif isinstance(outcome, TooSlow) and state.slow:
            self._refuse(name, state, InvalidSpec(f"pool {name}", str(outcome)))
        elif isinstance(outcome, TooSlow):
            log.warning(f"Pool {name} takes long to render; it is tried again apart from the others", pool=name)
            state.slow = True
            state.structure = state.structure.succeeded().at_once(now)
        elif isinstance(outcome, Exception):
            log.error(f"Pool {name} could not be rendered; trying again", pool=name, exc_info=outcome)
            state.structure = state.structure.failed(now)
            state.fails(What.STRUCTURE, outcome, now)
        else:
            self._context.metrics.rendered(now - state.structure.begun)
            state.rendered = Rendered.of(state.stored, outcome)
            self._write(name, state, charge, outcome)
        self._context.plan(name)

    def _refuse(self, name: str, state: PoolState, error: InvalidSpec) -> None:
        # Only another version of the pool can help: no use in trying again before it changes.
        if state.refused != str(error):
            log.error(f"Pool {name} cannot be rendered; its last structure stays: {error}", pool=name, field=error.path)
        self._context.metrics.failed("structure")
        state.refused = str(error)
        state.failing.pop(What.STRUCTURE, None)
        state.structure = state.structure.succeeded()
        state.report_soon(self._context.clock.monotonic())

    # ------------------------------------------------------------ writing

    def _write(self, name: str, state: PoolState, charge: Charge, texts: Texts) -> None:
        published = state.published
        now = self._context.clock.monotonic()
        # It is being read again, or parts are being removed, of which some may be needed: in a moment.
        if published is None or state.collecting:
            now += 0.0 if published is None else _MOMENT
            state.structure = state.structure.succeeded().at_once(now)
            return
        if published.structure_doubted:
            self._read_again(name, state, charge, published)
            return
        parts = {part: text.part for part, text in sorted(texts.items())}
        revision, before = state.stored.revision, published.structure
        if (
            before is not None
            and (before.parts, before.pool_uid, before.pool_version) == (parts, *revision)
            and all(published.has(part.sha256) for part in parts.values())
        ):
            self._is_published(state)
            return
        head = Structure(
            pool=name,
            pool_uid=revision.uid,
            pool_version=revision.version,
            epoch=charge.epoch,
            version=max(before.version if before else 0, self._leftovers.highest(name)) + 1,
            parts=parts,
            stamps={"taken": state.changed} if state.changed else {},
        )
        size = len(encode_structure(head))
        if size > MAX_NODE_BYTES:
            rule = f"needs {len(parts)} files, whose list of {size} bytes is too long: split it into several pools"
            self._refuse(name, state, InvalidSpec(f"pool {name}", rule))
            return
        paths, there, node = self._context.paths(name), frozenset(published.nodes), published.structure_node
        written = frozenset(part.sha256 for part in before.parts.values()) if before else frozenset[str]()
        missing = [
            text.text
            for text in texts.values()
            if text.part.sha256 not in written or not published.has(text.part.sha256)
        ]
        self._context.ask(
            What.STRUCTURE,
            name,
            lambda: self._write_head(paths, charge, head, node, missing, there),
            lambda outcome: self._written(name, state, published, charge, outcome),
        )

    def _read_again(self, name: str, state: PoolState, charge: Charge, published: Published) -> None:
        zookeeper, paths = self._context.zookeeper, self._context.paths(name)

        def found(outcome: tuple[Structure | None, int | None] | Exception) -> None:
            if not self._context.is_current(name, state, charge):
                return
            now = self._context.clock.monotonic()
            if isinstance(outcome, Exception):
                log.warning(f"The structure of pool {name} cannot be read; trying again", error=str(outcome))
                state.structure = state.structure.failed(now)
            else:
                published.structure, published.structure_node = outcome
                published.structure_doubted = False
                state.structure = state.structure.idle().at_once(now)
            self._context.plan(name)

        self._context.ask(What.STRUCTURE, name, lambda: load_structure(zookeeper, paths), found)

    def _write_head(
        self, paths: Paths, charge: Charge, head: Structure, node: int | None, texts: list[str], there: frozenset[str]
    ) -> _Written:
        nodes = write_parts(self._context.zookeeper, paths, texts, there)
        head = replace(head, stamps={**head.stamps, "published": self._context.clock.now()})
        data = encode_structure(head)
        op: Op = Create(paths.structure, data) if node is None else Set(paths.structure, data, node)
        (version,) = charge.write([op])
        return _Written(head=head, node=version if isinstance(version, int) else 0, nodes=nodes)

    def _written(
        self, name: str, state: PoolState, published: Published, charge: Charge, outcome: _Written | Exception
    ) -> None:
        if not self._context.is_current(name, state, charge):
            return
        if isinstance(outcome, LeadershipLost):
            raise outcome
        now = self._context.clock.monotonic()
        if isinstance(outcome, _Written):
            head = outcome.head
            if state.published is published:
                before = published.structure
                published.structure_before = (
                    frozenset(part.sha256 for part in before.parts.values()) if before else frozenset()
                )
                published.structure, published.structure_node = head, outcome.node
                published.nodes |= outcome.nodes
                log.info(
                    f"Published version {head.version} of the structure of pool {name}",
                    pool=name,
                    version=head.version,
                    epoch=head.epoch,
                    pool_version=head.pool_version,
                    parts_written=len(outcome.nodes),
                )
                self._context.metrics.wrote_structure()
                self._is_published(state)
            else:
                state.structure = state.structure.succeeded().at_once(now)
        else:
            self._context.metrics.failed("structure")
            if isinstance(outcome, StorageUnavailable | StorageConflict):
                log.warning(f"Publishing pool {name} failed; trying again", pool=name, error=str(outcome))
            else:
                log.error(f"Pool {name} could not be published; trying again", pool=name, exc_info=outcome)
                state.fails(What.STRUCTURE, outcome, now)
            state.structure = state.structure.failed(now)
            published.structure_doubted = True
        self._context.plan(name)

    def failed(self, state: PoolState, error: Exception) -> None:
        """It failed as nobody expected: it is due again later, from the beginning."""
        now = self._context.clock.monotonic()
        state.rendered = None
        state.structure = state.structure.failed(now)
        if state.published is not None:
            state.published.structure_doubted = True
        state.fails(What.STRUCTURE, error, now)

    def _is_published(self, state: PoolState) -> None:
        now = self._context.clock.monotonic()
        state.refused, state.changed = "", 0.0
        state.failing.pop(What.STRUCTURE, None)
        state.structure = state.structure.succeeded()
        state.report_soon(now)
        state.collect_due = now + COLLECT_AFTER if state.collect_due is None else state.collect_due
