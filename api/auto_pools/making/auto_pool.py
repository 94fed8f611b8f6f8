"""The pool of one pool template, made from the labels of the tasks under it. Pure: `now` is told, in epoch seconds.

An event costs what it touches, and what did not change is the same objects as before. Nothing is decided before the
pool is asked for: who has had only half of the tasks named gives away nothing.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from api.auto_pools.claim import App, LabelProblem
from api.auto_pools.claims.amount import amount_of
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.contest import Change, Contest
from api.auto_pools.claims.demand import Demand, RuleKey, SecretKey, conditions_of, demands_of, digest_of, said_by
from api.auto_pools.claims.elsewhere import goes_elsewhere
from api.auto_pools.claims.judging import Judge, blamed
from api.auto_pools.claims.ledger import EMPTY, Book, Entry, Ledger
from api.auto_pools.claims.members import Came, LabelSet, Members, Read
from api.auto_pools.claims.permission import refusal
from api.auto_pools.claims.policy import Policy
from api.auto_pools.making.backends import Backends
from api.auto_pools.making.frontends import Frontends
from api.auto_pools.making.statuses import NAMELESS, NEW, RenderStatus, TaskStatus, status_of
from api.auto_pools.secret_files import secret_file
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.model import Pool, Secret
from scheduler.pools.problems import Problem

GRACE = 60.0
"""Seconds for which an application without tasks keeps what it has."""

_PATH = re.compile(
    r"pool\.(?:haproxy\.frontends\[(\d+)\](?:\.linkBackend\.map\[(\d+)\])?|haproxy\.backends\[(\d+)\]|secrets\[(\d+)\])"
)


class AutoPool:
    """Made of `base`, which says all but frontends and backends; `ledger` is what the process before knew."""

    def __init__(
        self,
        template: str,
        read: Read,
        *,
        base: Pool,
        policy: Policy | None = None,
        grace: float = GRACE,
        ledger: Ledger = EMPTY,
    ) -> None:
        self._base = base
        self._policy = policy or Policy()
        self._grace = grace
        self._members = Members(template, read, grace)
        self._contest = Contest(Judge(base), self._policy)
        self._frontends = Frontends(self._contest.holders)
        self._backends = Backends(self._contest.holders)
        self._claims: dict[App, dict[str, AppClaim]] = {}
        self._said: dict[LabelSet, tuple[AppClaim, ...]] = {}
        self._secrets: set[str] = set()
        self._book = Book(ledger)
        self._absent = {app for app, _ in ledger.items()}
        self._absent_until: float | None = None
        self._pool: Pool | None = None
        self._now = 0.0

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey], now: float) -> bool:
        """Tasks came, changed or went; the answer is whether the pool may have changed.

        To be called at `due`, too, with whatever there is.
        """
        self._now = now
        for key in removed:
            self._members.drop(key, now)
        for task in updated:
            self._members.put(task, now)
        due = self.due
        return self._members.changed or self._contest.unsettled or (due is not None and due <= now)

    @property
    def due(self) -> float | None:
        """When an application without tasks will have been kept for long enough; None while there is none."""
        dues = [self._members.due, self._absent_until if self._absent else None]
        return min((due for due in dues if due is not None), default=None)

    @property
    def present(self) -> int:
        """How many applications have tasks."""
        return self._members.present

    @property
    def absent(self) -> int:
        """How many applications of the ledger had no task named yet."""
        return self.absent_without(())

    def absent_without(self, known: Collection[App | None]) -> int:
        """The same without those of which tasks are known that were not fed."""
        return sum(not self._members.has(app) for app in self._absent if app not in known)

    @property
    def ledger(self) -> Ledger:
        """What the next process has to know; the same object while nothing changed."""
        return self._book.ledger

    def pool(self) -> Pool | None:
        """The pool as of the last update, the same object while nothing changed; None when nothing would be in it."""
        changes = self._settle()
        if changes:
            self._pool = self._made()
        return self._pool

    @property
    def status(self) -> RenderStatus:
        """Of the template, as far as it is known here."""
        if not self._members.exposed:
            return RenderStatus.NO_TASKS
        if self._pool is not None:
            return RenderStatus.OK
        return RenderStatus.NEW if self._members.changed else RenderStatus.RENDER_ERR

    def statuses(self, addresses: Sequence[str] = ()) -> dict[TaskKey, TaskStatus]:
        """Of all exposed tasks, when load balancers are at `addresses`."""
        known = {label_set: self._status(label_set, addresses) for label_set in self._members.label_sets}
        return {key: known[label_set] for key, label_set in self._members.tasks}

    def status_of(self, key: TaskKey, addresses: Sequence[str] = ()) -> TaskStatus | None:
        """The same of one task; None for one that is not exposed under this template."""
        label_set = self._members.label_set(key)
        return None if label_set is None else self._status(label_set, addresses)

    def _status(self, label_set: LabelSet, addresses: Sequence[str]) -> TaskStatus:
        if label_set.app is None:
            return NAMELESS
        claims, said = self._said.get(label_set), label_set.exposure
        if claims is None:
            return NEW
        elsewhere = (found for one in claims if one.rank for found in goes_elsewhere(one, self._contest.holders))
        return status_of(claims, said.problems, said.not_applied, addresses, elsewhere)

    def refuse(self, path: str, rule: str, *, by_template: bool = False) -> bool:
        """Leave out what is behind a problem of the pool at `path`; False when no claim is behind it. `by_template` is
        whether it is one of what the pool template says of the place.
        """
        found = list(self._behind(path))
        for claim in found:
            if by_template:
                remedy = "ask whoever administers the pool template"
                claim.forbidden = LabelProblem(f"edgelb.{claim.group}", "", f"is not possible: {rule}", remedy)
            else:
                claim.forbidden = blamed(claim, Problem(path=path, rule=rule))
            self._contest.leave(claim)
        return bool(found)

    def is_behind_held(self, path: str, ledger: Ledger) -> bool:
        """Whether whoever would be left out for a problem at this path of the pool held it by the ledger already."""
        entries = ((claim.digest, ledger.entry(claim.app)) for claim in self._behind(path))
        return all(entry is not None and digest in entry.held for digest, entry in entries)

    def _settle(self) -> Sequence[Change]:
        touched: dict[App, None] = {}
        for event in self._members.settle(self._now):
            touched[event.app] = None
            if isinstance(event, Came):
                self._came(event.app, event.label_set, event.since)
            else:
                self._left(event.app, event.label_set)
        changes = self._contest.settle()
        for claim, taken, demands in changes:
            touched[claim.app] = None
            for part in (self._frontends, self._backends):
                (part.taken if taken else part.released)(claim, demands)
            self._bring_secrets(taken, demands)
        self._note(touched)
        return changes

    def _came(self, app: App, label_set: LabelSet, since: float) -> None:
        self._absent.discard(app)
        entry = self._book.get(app)
        if entry is None:
            entry = Entry(round(since, 3))
            self._book.put(app, entry)
        claims, rule = self._claims.setdefault(app, {}), self._policy.rule(app, label_set.role)
        said, turn = [], (entry.since, app, label_set.since)
        for claim in label_set.exposure.claims:
            demands = demands_of(app, claim)
            text = said_by(demands, label_set.role)
            digest = digest_of(text)
            known = claims.get(digest)
            if known is None:
                known = claims[digest] = AppClaim(
                    app=app,
                    role=label_set.role,
                    claim=claim,
                    demands=demands,
                    digest=digest,
                    before=entry.held.get(digest, 0),
                    since=turn,
                    amount=amount_of(app, demands, text),
                    forbidden=refusal(rule, app, claim),
                )
                if known.forbidden is None:
                    self._contest.enter(known)
            known.since = min(known.since, turn)
            known.label_sets += 1
            said.append(known)
        self._said[label_set] = tuple(said)

    def _left(self, app: App, label_set: LabelSet) -> None:
        for claim in self._said.pop(label_set):
            claim.label_sets -= 1
            if not claim.label_sets:
                self._contest.leave(claim)
                del self._claims[app][claim.digest]

    def _note(self, touched: Iterable[App]) -> None:
        """Keep the ledger of those of whom something changed."""
        for app in touched:
            if self._members.has(app):
                before = self._book.get(app)
                assert before is not None
                held = {claim.digest: claim.rank for claim in self._claims[app].values() if claim.rank}
                self._book.put(app, before._replace(held=held))
            else:
                self._claims.pop(app, None)
                self._book.put(app, None)
        if self._absent:
            self._absent_until = self._absent_until or self._now + self._grace
            if self._absent_until <= self._now:
                for app in self._absent:
                    self._book.put(app, None)
                self._absent.clear()

    def _bring_secrets(self, taken: bool, demands: Iterable[Demand]) -> None:
        for demand in demands:
            if isinstance(demand.key, SecretKey):
                (self._secrets.add if taken else self._secrets.discard)(demand.key.name)

    def _made(self) -> Pool | None:
        frontends = self._frontends.all()
        if not frontends:
            return None
        secrets = (Secret(secret=name, file=secret_file(name)) for name in sorted(self._secrets))
        return replace(
            self._base,
            secrets=tuple(dict.fromkeys((*self._base.secrets, *secrets))),
            haproxy=replace(self._base.haproxy, frontends=frontends, backends=self._backends.all()),
        )

    def _behind(self, path: str) -> Iterator[AppClaim]:
        """The claims that say what stands at a path of the pool; of a whole frontend or backend the newest one."""
        found = _PATH.match(path)
        if self._pool is None or found is None:
            return
        holders, haproxy = self._contest.holders, self._pool.haproxy
        frontend, rule, backend, secret = (int(number) if number else None for number in found.groups())
        if frontend is not None and frontend < len(haproxy.frontends):
            said = haproxy.frontends[frontend]
            rules = said.link_backend.map if rule is not None else ()
            if rule is not None and rule < len(rules):
                for conditions in conditions_of(rules[rule]):
                    yield from holders.of(RuleKey(said.bind_port, conditions))
            else:
                yield from list(holders.at_port(said.bind_port).claims)[-1:]
        elif backend is not None and backend < len(haproxy.backends):
            yield from list(holders.in_group(haproxy.backends[backend].name).claims)[-1:]
        elif secret is not None and secret < len(self._pool.secrets):
            yield from holders.of(SecretKey(self._pool.secrets[secret].secret))
