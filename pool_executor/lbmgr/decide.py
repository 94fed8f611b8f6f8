"""How a running HAProxy gets from one bundle to the next: noop, runtime commands, a reload, waiting, or a refusal.

Pure. Knows server lines, map files and the few backend keywords that decide whether a server can be changed at run
time. Does not know the other keywords: any other difference is a reload. Which options this HAProxy takes at run time
comes in as `Capabilities`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pool_executor.bundle import Section, Server, split_servers
from pool_executor.lbmgr.content import Content, PartText, ServerRef
from pool_executor.lbmgr.decision import Command, Decision, Dynamic, Noop, Reject, Reload, Run, Waiting
from pool_executor.lbmgr.mapfile import MapEdit, edit, entries
from sdk.net.address import is_address

#: Seconds between two reloads that can wait.
MIN_RELOAD_INTERVAL = 1.0
_DYNAMIC_BALANCES = frozenset({"roundrobin", "leastconn", "first", "random"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the running HAProxy takes at run time.

    `server_options` maps each option of `add server` to the number of words that follow it.
    """

    version: str
    server_options: Mapping[str, int]


def decide(
    running: Content | None,
    wanted: Content,
    ports: Iterable[str],
    capabilities: Capabilities,
    retired: Mapping[ServerRef, Server],
) -> Decision:
    """The way from `running` (None: no HAProxy yet) to `wanted`.

    `ports` are the names of the ports that this instance has; `retired` are servers that are in maintenance because an
    earlier change removed them, with the form they had.
    """
    have = set(ports)
    missing = sorted({name for name in wanted.ports.values() if name not in have})
    if missing:
        return Waiting(missing=tuple(missing))
    if not any(text.part.kind == "config" for text in wanted.parts.values()):
        return Reject(reason="the bundle has no config part, so there is nothing to serve")
    if running is None:
        return Reload(reason="first configuration")

    names = sorted(running.parts.keys() | wanted.parts.keys())
    changed = [name for name in names if _sha256(running, name) != _sha256(wanted, name)]
    if not changed:
        return Noop()
    plan = _Plan(wanted, capabilities, retired)
    for name in changed:
        before, after = running.parts.get(name), wanted.parts.get(name)
        if before is None or after is None:
            plan.structure(name, before, after)
        elif before.part.kind == "map" and after.part.kind == "map":
            plan.mapentries(name, before.text, after.text)
        elif before.part.skeleton != after.part.skeleton:
            plan.structure(name, before, after)
        else:
            plan.servers(name, before.text, after.text)
    return plan.decision()


def not_before(decision: Decision, reloaded_at: float) -> float:
    """When a decision may be carried out, in the seconds in which the last reload happened at `reloaded_at`.

    Reloads of structure keep a distance, because each leaves a worker behind; one that takes servers out never waits.
    """
    waits = isinstance(decision, Reload) and not decision.retired
    return reloaded_at + MIN_RELOAD_INTERVAL if waits else reloaded_at


def _sha256(content: Content, name: str) -> str | None:
    found = content.parts.get(name)
    return None if found is None else f"{found.part.kind} {found.part.sha256}"


class _Plan:
    """Collects what each changed part needs; one reason for a reload is enough to make it one."""

    def __init__(self, wanted: Content, capabilities: Capabilities, retired: Mapping[ServerRef, Server]) -> None:
        self._wanted = wanted
        self._capabilities = capabilities
        self._retired_before = retired
        self._reloads: list[str] = []
        # Additions go first, then maps, then removals: at no moment does a map entry lead to a backend without servers.
        self._additions: list[Command] = []
        self._maps: list[MapEdit] = []
        self._removals: list[Command] = []
        self._retired: dict[ServerRef, Server] = {}
        self._retired_early: dict[ServerRef, Server] = {}
        self._revived: list[ServerRef] = []
        self._counts: Counter[str] = Counter()

    def decision(self) -> Noop | Dynamic | Reload:
        if self._reloads:
            shown = "; ".join(self._reloads[:3])
            more = f"; and {len(self._reloads) - 3} more" if len(self._reloads) > 3 else ""
            return Reload(reason=shown + more, retired=self._retired_early)
        return Dynamic(
            commands=(
                *self._additions,
                *(order for one in self._maps for order in one.first),
                *(order for one in self._maps for order in one.then),
                *(order for one in self._maps for order in one.last),
                *self._removals,
            ),
            reason=self._summary(),
            retired=self._retired,
            revived=tuple(self._revived),
        )

    def _summary(self) -> str:
        words: list[str] = []
        for what in ("added", "removed", "re-addressed", "changed"):
            if count := self._counts[what]:
                noun = "" if words else "server " if count == 1 else "servers "
                words.append(f"{count} {noun}{what}")
        if count := self._counts["map"]:
            words.append(f"{count} map{'s' * (count > 1)} changed")
        return ", ".join(words) or "servers in another order"

    # -- parts that differ in more than servers or map entries

    def structure(self, name: str, before: PartText | None, after: PartText | None) -> None:
        old, new = _sections(before), _sections(after)
        self._reloads.append(f"{name}: {_first_difference(old, new)}")
        for header in old.keys() & new.keys():
            self._retire(old[header].name, old[header].servers, new[header].servers)

    # -- server lines

    def servers(self, part: str, before: str, after: str) -> None:
        in_force, named = _defaults_before(self._wanted, part)
        # Equal skeletons mean equal sections in equal order.
        for old, new in zip(split_servers(before), split_servers(after), strict=True):
            if new.kind == "defaults":
                in_force = new.lines
                if new.name:
                    named[new.name] = new.lines
            elif old.servers != new.servers:
                inherited = named.get(new.base, ()) if new.base else in_force
                self._backend(_Backend.of(new, inherited), old.servers, new.servers)

    def _backend(self, backend: "_Backend", before: Sequence[Server], after: Sequence[Server]) -> None:
        old = {server.name: server for server in before}
        new = {server.name: server for server in after}
        if len(old) != len(before) or len(new) != len(after):
            self._reloads.append(f"backend {backend.name} names a server twice")
            return
        gone = [name for name in old if name not in new]
        self._removals += [Run(f"set server {backend.name}/{name} state maint") for name in gone]
        self._retire(backend.name, before, after)
        self._counts["removed"] += len(gone)
        for name, server in new.items():
            if name not in old:
                self._add(backend, server)
            elif old[name] != server:
                self._change(backend, old[name], server)

    def _retire(self, backend: str, before: Sequence[Server], after: Sequence[Server]) -> None:
        kept = {server.name for server in after}
        gone = {ServerRef(backend, server.name): server for server in before if server.name not in kept}
        self._retired |= gone
        # Taking the last server from the leaving worker would answer 503 until the new one is there.
        if len(gone) < len(before):
            self._retired_early |= gone

    def _add(self, backend: "_Backend", server: Server) -> None:
        ref = ServerRef(backend.name, server.name)
        refused = backend.refuses_new_servers() or self._refuses(server)
        if refused:
            self._reloads.append(f"server {ref} is new and {refused}")
            return
        self._counts["added"] += 1
        commands = self._additions
        leftover = self._retired_before.get(ref)
        if leftover is not None:
            # Its removal was not finished. The same again only has to come back; another one of that name takes its
            # place when it has no connections left, else HAProxy's refusal makes this a reload.
            self._revived.append(ref)
            if leftover == server:
                commands += _start(ref, server)
                return
            commands.append(Run(f"del server {ref}"))
        commands.append(Run(f"add server {ref} {_address(server)} id {server.id} {server.options}".rstrip()))
        if backend.dynamic_cookie:
            # Without it the new server's cookie comes back empty.
            commands.append(Run(f"enable dynamic-cookie backend {backend.name}"))
        commands += _start(ref, server)

    def _refuses(self, server: Server) -> str | None:
        if not is_address(server.address):
            return f"its address {server.address} is a name, which only the file can resolve"
        words = list(server.words)
        while words:
            word = words.pop(0)
            arguments = self._capabilities.server_options.get(word)
            if arguments is None:
                return f"HAProxy {self._capabilities.version} does not take the option {word} at run time"
            del words[:arguments]
        return None

    def _change(self, backend: "_Backend", old: Server, new: Server) -> None:
        ref = ServerRef(backend.name, new.name)
        if old.id != new.id:
            self._reloads.append(f"server {ref} has another id")
            return
        before, after = _options(old, self._capabilities), _options(new, self._capabilities)
        differing = {word for word in before.keys() | after.keys() if before.get(word) != after.get(word)}
        if (old.address, old.port) != (new.address, new.port):
            if not (is_address(old.address) and is_address(new.address)):
                self._reloads.append(f"server {ref} changes its address and a name is involved")
                return
            self._additions.append(Run(f"set server {ref} addr {new.address.strip('[]')} port {new.port}"))
            self._counts["re-addressed"] += 1
        elif differing:
            self._counts["changed"] += 1
        if "weight" in differing:
            if refused := backend.refuses_new_servers():
                self._reloads.append(f"server {ref} has another weight and {refused}")
                return
            self._additions.append(Run(f"set server {ref} weight {after.get('weight', '1')}"))
        if "maxconn" in differing and "maxconn" in before and "maxconn" in after:
            self._additions.append(Run(f"set maxconn server {ref} {after['maxconn']}"))
            differing.discard("maxconn")
        if "disabled" in differing:
            self._additions.append(Run(f"set server {ref} state {'maint' if 'disabled' in after else 'ready'}"))
        others = sorted(differing - {"weight", "disabled"})
        if others:
            self._reloads.append(f"server {ref} differs in {', '.join(others)}")

    # -- map files

    def mapentries(self, name: str, before: str, after: str) -> None:
        old, new = entries(before), entries(after)
        if old == new:
            return  # comments or blank lines
        self._counts["map"] += 1
        self._maps.append(edit(name, old, new))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backend:
    """The few facts about a backend that decide what can be done at run time."""

    name: str
    balance: str
    consistent: bool
    default_server: bool
    dynamic_cookie: bool

    @classmethod
    def of(cls, section: Section, inherited: Sequence[str]) -> "_Backend":
        balance, consistent, default_server, key, cookie = "roundrobin", False, False, False, False
        for line in (*inherited, *section.lines):
            match line.split():
                case ["balance", algorithm, *_]:
                    balance = algorithm.partition("(")[0]
                case ["hash-type", method, *_]:
                    consistent = method == "consistent"
                case ["default-server", *_]:
                    default_server = True
                case ["dynamic-cookie-key", *_]:
                    key = True
                case ["cookie", _, *words]:
                    cookie = "dynamic" in words
        return cls(
            name=section.name,
            balance=balance,
            consistent=consistent,
            default_server=default_server,
            dynamic_cookie=key and cookie,
        )

    def refuses_new_servers(self) -> str | None:
        if self.balance not in _DYNAMIC_BALANCES and not self.consistent:
            return f"backend {self.name} balances by {self.balance}, which takes no server at run time"
        if self.default_server:
            return f"backend {self.name} has a default-server line, which HAProxy does not apply at run time"
        return None


def _start(ref: ServerRef, server: Server) -> list[Command]:
    words = server.words
    commands: list[Command] = []
    if "check" in words:
        commands.append(Run(f"enable health {ref}"))
    if "agent-check" in words:
        commands.append(Run(f"enable agent {ref}"))
    if "disabled" not in words:
        commands.append(Run(f"set server {ref} state ready"))
    return commands


def _options(server: Server, capabilities: Capabilities) -> dict[str, str]:
    found: dict[str, str] = {}
    words = list(server.words)
    while words:
        word = words.pop(0)
        arguments = capabilities.server_options.get(word, 0)
        found[word] = " ".join(words[:arguments])
        del words[:arguments]
    return found


def _address(server: Server) -> str:
    return f"{server.address}:{server.port}"


def _sections(text: PartText | None) -> dict[tuple[str, str, str], Section]:
    if text is None or text.part.kind != "config":
        return {}
    return {(section.kind, section.name, section.base): section for section in split_servers(text.text)}


def _first_difference(old: Mapping[tuple[str, str, str], Section], new: Mapping[tuple[str, str, str], Section]) -> str:
    for header in (*new, *old):
        if header not in old or header not in new:
            return f"{' '.join(header[:2]).strip()} is {'new' if header in new else 'gone'}"
    for header in new:
        if old[header].lines != new[header].lines:
            return f"{' '.join(header[:2]).strip()} changed"
    return "the file changed" if old or new else "the file is new or gone"


def _defaults_before(content: Content, part: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The lines of the `defaults` section in force where `part` begins, and those that have a name."""
    in_force: tuple[str, ...] = ()
    named: dict[str, tuple[str, ...]] = {}
    for name in sorted(content.parts):
        if name >= part:
            break
        text = content.parts[name].text
        # Only a few parts have such a section, and looking for the word is far quicker than taking a part to pieces.
        if content.parts[name].part.kind == "config" and "defaults" in text:
            for section in split_servers(text):
                if section.kind == "defaults":
                    in_force = section.lines
                    if section.name:
                        named[section.name] = section.lines
    return in_force, named
