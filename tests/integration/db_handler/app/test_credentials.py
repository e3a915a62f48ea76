"""Whose rights a request has: every endpoint, right and wrong credentials, roles, engines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.routing import Route
from tests.factories import a_report, charges, part_body
from tests.integration.db_handler.app.conftest import ARROW, Client, settings_for
from tests.support.cratedb import cratedb_url, superuser
from tests.support.cratedb_store import alone, forget_all
from tests.support.credentials import Secrets, encoded, granted

from costwire_db_handler.app import create_app
from costwire_db_handler.stores.cratedb import privileges
from costwire_db_handler.stores.cratedb.cluster import Credentials
from costwire_db_handler.stores.cratedb.privileges import Grant
from costwire_db_handler.stores.duckdb.bootstrap import ADMIN, PASSWORD_FILE
from costwire_db_handler.users import Role
from costwire_runtime.asgi import AsgiAdapter

NAMES = {Role.READER: "rita", Role.WRITER: "will", Role.ADMIN: "ada"}
HANDLER = "costwire"
OUTSIDER = "otto"
RATES = "month,from,to,rate,source\n2024-09,USD,EUR,0.9,our bank\n"
INVOICES = "InvoiceId,BillingCurrency,BilledCost\nINV-7,USD,6.75\n"
ERASURE = '{"table": "charges", "where": "ResourceId = \'nosuch\'"}'
PROBLEM = "application/problem+json"
REPORT = a_report(charges(3, InvoiceId="INV-7"))
UNDELIVERED = a_report(charges(2), source="gcp")
OPEN_PATHS = ("/", "/openapi.json")
READERS_VIEW = Grant(("DQL",), "VIEW", ("doc.charges",))


@dataclass(frozen=True)
class Endpoint:
    """What is asked, of whom it takes which role, and the status where all is right."""

    method: str
    path: str
    role: Role
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    duckdb_status: int | None = None

    def right(self, served: Served) -> int:
        """The status where all is right."""
        is_other = served.engine == "duckdb" and self.duckdb_status is not None
        return self.duckdb_status or self.status if is_other else self.status

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"

    def ask(self, client: Client) -> requests.Response:
        """Send it."""
        return client.request(self.method, self.path, data=self.body, headers=self.headers)


PART = part_body(REPORT.parts[0])
ENDPOINTS = (
    Endpoint("GET", "/deliveries", Role.READER, 200),
    Endpoint("GET", "/deliveries/1", Role.READER, 200),
    Endpoint("GET", "/deliveries/1/quarantine", Role.READER, 200),
    Endpoint("GET", "/quarantine", Role.READER, 200),
    Endpoint("GET", "/deliveries/1/quarantine.csv", Role.READER, 200),
    Endpoint("POST", "/deliveries/999/replay", Role.WRITER, 404, ""),
    Endpoint("GET", "/costs", Role.READER, 200),
    Endpoint("GET", "/changes?from=1", Role.READER, 200),
    Endpoint("GET", "/invoices", Role.READER, 200),
    Endpoint("POST", "/invoices", Role.READER, 200, INVOICES),
    Endpoint("GET", "/export", Role.READER, 200),
    Endpoint("GET", "/rates", Role.READER, 200),
    Endpoint("POST", "/rates", Role.WRITER, 200, RATES),
    Endpoint("POST", "/_sql", Role.READER, 200, '{"stmt": "SELECT BilledCost FROM charges"}'),
    Endpoint("POST", "/deliveries", Role.WRITER, 201, UNDELIVERED.manifest.to_json()),
    *(
        Endpoint("POST", f"/deliveries/999/{part}?seq=0", Role.WRITER, 404, PART)
        for part in ("parts", "changes/added", "changes/removed")
    ),
    Endpoint("POST", "/deliveries/999/quarantine", Role.WRITER, 404, ""),
    Endpoint("POST", "/deliveries/1/commit", Role.WRITER, 200),
    Endpoint("POST", "/deliveries/999/accept", Role.WRITER, 404),
    Endpoint("POST", "/deliveries/999/reject", Role.WRITER, 404),
    Endpoint("DELETE", "/deliveries/999", Role.WRITER, 404),
    Endpoint(
        "POST",
        "/upload?table=charges",
        Role.WRITER,
        200,
        part_body(UNDELIVERED.parts[0]),
        {"Content-Type": ARROW},
    ),
    Endpoint("POST", "/tables/nosuch/adopt", Role.WRITER, 404, duckdb_status=409),
    Endpoint("POST", "/erasures?dryRun=true", Role.ADMIN, 200, ERASURE),
    Endpoint("GET", "/users", Role.ADMIN, 200),
    Endpoint("GET", "/audit", Role.ADMIN, 200),
    Endpoint("GET", "/audit/verify", Role.ADMIN, 200),
    Endpoint("POST", "/users", Role.ADMIN, 201, '{"name":"tess","role":"reader","password":"t"}'),
    Endpoint("DELETE", "/users/nobody", Role.ADMIN, 404),
)


@dataclass
class Served:
    """A handler that runs, with a user of each role."""

    engine: str
    transport: AsgiAdapter
    secrets: Secrets
    users: dict[str, str] = field(default_factory=dict)
    figures: dict[tuple[str, str], str] = field(default_factory=dict)
    """What was seen: (endpoint, case) -> status."""
    objects: list[Any] = field(default_factory=list)

    def client(self, name: str, password: str | None = None) -> Client:
        """Whoever has this name, with their password or another."""
        return Client(self.transport, (name, self.users[name] if password is None else password))

    def role(self, role: Role) -> Client:
        """The user of a role."""
        return self.client(NAMES[role])

    def note(self, endpoint: Endpoint, case: str, answer: requests.Response) -> int:
        """Keep a status for the table."""
        self.figures[str(endpoint), case] = str(answer.status_code)
        return answer.status_code


@contextmanager
def on_duckdb(data_dir: Path) -> Iterator[Served]:
    told = Secrets()
    app = create_app(settings_for(data_dir, upload_quiet_seconds=3_600))
    with told.listening(), AsgiAdapter(app) as transport:
        password = (data_dir / PASSWORD_FILE).read_text().strip()
        told.passwords.add(password)
        served = Served("duckdb", transport, told, {ADMIN: password})
        for role, name in NAMES.items():
            served.users[name] = told.password()
            user = {"name": name, "role": role, "password": served.users[name]}
            assert served.client(ADMIN).post("/users", json=user).status_code == 201
        served.objects += [app.state.handler, app.state.handler.settings]
        yield served


@contextmanager
def a_handler(
    url: str, data_dir: Path, account: Credentials, **settings: Any
) -> Iterator[tuple[AsgiAdapter, Any]]:
    """A handler on CrateDB with this account of its own."""
    told = settings_for(
        data_dir,
        cratedb_urls=[url],
        cratedb_user=account.name,
        cratedb_password=account.password,
        upload_quiet_seconds=3_600,
        **settings,
    )
    app = create_app(told)
    with AsgiAdapter(app) as transport:
        yield transport, app


@contextmanager
def on_cratedb(data_dir: Path) -> Iterator[Served]:
    url, told = cratedb_url(), Secrets()
    with alone(), told.listening(), ExitStack() as users:
        forget_all(url)
        with superuser(url) as session:
            for name in (*NAMES.values(), OUTSIDER, HANDLER, "tess"):
                session.execute(f'DROP USER IF EXISTS "{name}"')
        account = users.enter_context(granted(url, HANDLER, privileges.HANDLER))
        transport, app = users.enter_context(a_handler(url, data_dir, account))
        served = Served("cratedb", transport, told)
        wanted: dict[str, tuple[Grant, ...]] = {
            **{name: privileges.ROLES[role] for role, name in NAMES.items()},
            OUTSIDER: (),
        }
        for name, grants in wanted.items():
            user = users.enter_context(granted(url, name, grants))
            served.users[name] = user.password
        told.passwords |= {account.password, *served.users.values()}
        served.objects += [app.state.handler, app.state.handler.settings, account]
        yield served


ENGINES: dict[str, Callable[[Path], Any]] = {"duckdb": on_duckdb, "cratedb": on_cratedb}


@pytest.fixture(scope="module", params=ENGINES)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A handler with a delivery that a writer made; run with `-s` to see the table."""
    with ENGINES[request.param](tmp_path_factory.mktemp("data") / "data") as found:
        entry = found.role(Role.WRITER).deliver(REPORT)
        assert (entry["commit"], entry["state"]) == (1, "committed")
        yield found
        cases = list(dict.fromkeys(case for _, case in found.figures))
        rows = [["endpoint", *cases]] + [
            [str(each), *(found.figures.get((str(each), case), "") for case in cases)]
            for each in ENDPOINTS
        ]
        print(f"\n{found.engine}")  # noqa: T201
        for row in rows:
            print(f"| {' | '.join(row)} |")  # noqa: T201


def test_every_endpoint_is_asked() -> None:
    routes = {
        f"{method} {route.path}"
        for route in create_app(settings_for(Path("nowhere"))).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
        if route.path not in OPEN_PATHS and not route.path.startswith("/-/")
    }
    asked = {
        re.sub("/(1|999)(?=/|$)", "/{commit}", str(endpoint))
        .replace("nobody", "{name}")
        .replace("nosuch", "{table}")
        for endpoint in ENDPOINTS
    }
    assert asked == routes


each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)


def the_one_who_may(served: Served, endpoint: Endpoint) -> tuple[str, str]:
    name = NAMES[endpoint.role]
    return name, served.users[name]


def assert_refused(endpoint: Endpoint, answer: requests.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    if endpoint.path == "/_sql":  # as CrateDB does
        assert "json" not in answer.headers["Content-Type"]
    else:
        assert answer.headers["Content-Type"] == PROBLEM
        assert answer.json()["status"] == 401


class TestCredentials:
    @each_endpoint
    def test_right_ones_are_let_in(self, served: Served, endpoint: Endpoint) -> None:
        answer = endpoint.ask(served.client(*the_one_who_may(served, endpoint)))
        assert served.note(endpoint, "right", answer) == endpoint.right(served), answer.text

    @each_endpoint
    def test_wrong_ones_are_refused(self, served: Served, endpoint: Endpoint) -> None:
        name, password = the_one_who_may(served, endpoint)
        for pair in ((name, "guess"), (name, ""), ("nobody-known", password)):
            answer = endpoint.ask(served.client(*pair))
            assert_refused(endpoint, answer)
        served.note(endpoint, "wrong", answer)

    @each_endpoint
    def test_none_are_refused(self, served: Served, endpoint: Endpoint) -> None:
        answer = endpoint.ask(Client(served.transport, None))
        assert_refused(endpoint, answer)
        served.note(endpoint, "none", answer)

    @each_endpoint
    def test_wrong_ones_are_refused_after_right_ones(
        self, served: Served, endpoint: Endpoint
    ) -> None:
        name, password = the_one_who_may(served, endpoint)
        assert endpoint.ask(served.client(name)).status_code == endpoint.right(served)
        for wrong in (password[:-1], encoded(password + "x")):
            answer = endpoint.ask(served.client(name, wrong))
            assert_refused(endpoint, answer)
        served.note(endpoint, "right, then wrong", answer)
        assert endpoint.ask(served.client(name)).status_code == endpoint.right(served)

    @each_endpoint
    def test_right_ones_are_let_in_when_encoded(self, served: Served, endpoint: Endpoint) -> None:
        name, password = the_one_who_may(served, endpoint)
        for pair in ((encoded(name), encoded(password)), (name, encoded(password))):
            answer = endpoint.ask(served.client(*pair))
            assert answer.status_code == endpoint.right(served)
        served.note(endpoint, "right in base64", answer)

    def test_a_user_whom_the_database_takes_with_any_password_is_refused(
        self, served: Served
    ) -> None:
        if served.engine == "duckdb":
            pytest.skip("DuckDB takes nobody")
        for password in ("", "guess"):
            answer = served.client("crate", password).sql_answer("SELECT 1")
            assert answer.status_code == 401
        assert '"user": "crate"' in served.secrets.logged.getvalue()


class TestRoles:
    @each_endpoint
    @pytest.mark.parametrize("role", NAMES)
    def test_a_role_may_what_the_page_says_and_no_more(
        self, served: Served, endpoint: Endpoint, role: Role
    ) -> None:
        answer = endpoint.ask(served.role(role))
        served.note(endpoint, role, answer)
        if role.includes(endpoint.role):
            assert answer.status_code == endpoint.right(served), answer.text
        else:
            assert answer.status_code == 403
            assert answer.headers["Content-Type"] == PROBLEM

    @each_endpoint
    def test_a_user_without_privileges_may_nothing(
        self, served: Served, endpoint: Endpoint
    ) -> None:
        if served.engine == "duckdb":
            pytest.skip("every user of DuckDB has a role")
        answer = endpoint.ask(served.client(OUTSIDER))
        served.note(endpoint, "no privilege", answer)
        if endpoint.path == "/_sql":
            error = {"message": "SchemaUnknownException[Schema 'doc' unknown]", "code": 4045}
            assert (answer.status_code, answer.json()["error"]) == (404, error)
        else:
            assert answer.status_code == 403
            assert answer.headers["Content-Type"] == PROBLEM

    def test_an_unknown_delivery_is_404(self, served: Served) -> None:
        answer = served.role(Role.READER).get("/deliveries/999")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
        assert answer.json()["type"] == "urn:costwire:problem:unknown-delivery"


class TestUsers:
    def test_the_ones_that_were_made_by_grants_are_listed(self, served: Served) -> None:
        told = served.role(Role.ADMIN).get("/users").json()["users"]
        found = {user["name"]: user["role"] for user in told}
        assert {name: found[name] for name in NAMES.values()} == {
            name: role.value for role, name in NAMES.items()
        }
        assert OUTSIDER not in found
        assert "crate" not in found

    def test_the_handlers_own_and_the_superuser_stay_as_they_are(self, served: Served) -> None:
        admin = served.role(Role.ADMIN)
        names = [HANDLER] if served.engine == "duckdb" else [HANDLER, "crate"]
        for name in names:
            user = {"name": name, "role": "reader", "password": "other"}
            for answer in (admin.post("/users", json=user), admin.delete(f"/users/{name}")):
                assert answer.status_code == 400
                assert answer.json()["type"] == "urn:costwire:problem:user-refused"
                assert answer.json()["detail"].startswith(("change", "remove"))

    @pytest.mark.parametrize("name", ["odd.na-me@x_1", "SELECT"])
    def test_a_user_comes_changes_and_goes_at_once(self, served: Served, name: str) -> None:
        admin, first, second = served.role(Role.ADMIN), served.secrets.password(), 'it\'s "2" \\ ü'
        path = "/deliveries"

        def put(role: str, password: str) -> int:
            user = {"name": name, "role": role, "password": password}
            return admin.post("/users", json=user).status_code

        assert put("reader", first) == 201
        old = served.client(name, first)
        assert old.get(path).status_code == 200
        assert old.post(path, UNDELIVERED.manifest.to_json()).status_code == 403

        assert put("writer", second) == 201
        assert old.get(path).status_code == 401
        new = served.client(name, encoded(second))
        assert new.post(path, UNDELIVERED.manifest.to_json()).status_code == 201
        assert {"name": name, "role": "writer"} in admin.get("/users").json()["users"]

        assert put("reader", second) == 201
        assert new.post(path, UNDELIVERED.manifest.to_json()).status_code == 403
        assert new.get(path).status_code == 200

        assert admin.delete(f"/users/{name}").status_code == 204
        for gone in (old, new):
            assert gone.get(path).status_code == 401
        assert admin.delete(f"/users/{name}").status_code == 404

    def test_an_admin_makes_another_admin(self, served: Served) -> None:
        user = {"name": "abel", "role": "admin", "password": served.secrets.password()}
        assert served.role(Role.ADMIN).post("/users", json=user).status_code == 201
        abel = served.client("abel", user["password"])
        assert {"name": "abel", "role": "admin"} in abel.get("/users").json()["users"]
        assert served.role(Role.ADMIN).delete("/users/abel").status_code == 204
        assert abel.get("/users").status_code == 401


class TestCrateDB:
    @pytest.fixture(autouse=True)
    def _only_there(self, served: Served) -> None:
        if served.engine == "duckdb":
            pytest.skip("of CrateDB")

    @pytest.mark.parametrize(
        ("role", "statement"),
        [
            (Role.READER, "SELEC 1"),
            (Role.READER, "SELECT * FROM nosuch"),
            (Role.READER, "SELECT nosuch FROM charges"),
            (Role.READER, "SELECT nosuch(1)"),
            (Role.READER, "DELETE FROM costwire.deliveries"),
            (Role.READER, "SELECT * FROM costwire.parts"),
            (Role.READER, "CREATE USER mallory WITH (password = 'x')"),
            (Role.READER, "DROP VIEW charges"),
            (Role.WRITER, "DROP TABLE costwire.deliveries"),
            (Role.WRITER, "INSERT INTO costwire.counters (name, value) VALUES ('commits', 1)"),
            (Role.WRITER, "GRANT AL TO will"),
        ],
        ids=str,
    )
    def test_what_it_refuses_it_refuses_in_its_own_words(
        self, served: Served, role: Role, statement: str
    ) -> None:
        answer = served.role(role).sql_answer(statement)
        auth = (NAMES[role], served.users[NAMES[role]])
        direct = requests.post(
            f"{cratedb_url()}/_sql", json={"stmt": statement}, auth=auth, timeout=60
        )
        assert direct.status_code >= 400
        assert (answer.status_code, answer.json()) == (direct.status_code, direct.json())

    def test_a_password_that_was_changed_there_is_the_right_one_in_the_end(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the latest when the connections of the old one have ended."""
        before, after = served.users[NAMES[Role.READER]], served.secrets.password()
        with superuser(cratedb_url()) as session:
            session.execute('ALTER USER "rita" SET (password = ?)', [after])
            try:
                assert served.client("rita", after).get("/deliveries").status_code == 200
                served.objects[0].store._shared.sign_in.forget()
                assert served.client("rita", before).get("/deliveries").status_code == 401
            finally:
                session.execute('ALTER USER "rita" SET (password = ?)', [before])

    @pytest.mark.parametrize("endpoint", ENDPOINTS[:5], ids=str)
    def test_a_user_who_was_dropped_there_is_refused(
        self, served: Served, endpoint: Endpoint
    ) -> None:
        with granted(cratedb_url(), "gone", privileges.ROLES[endpoint.role]) as user:
            served.secrets.passwords.add(user.password)
            client = served.client(user.name, user.password)
            assert endpoint.ask(client).status_code == endpoint.right(served)
        assert_refused(endpoint, endpoint.ask(client))

    def test_a_reader_reads_one_state_as_the_page_says(self, served: Served) -> None:
        page = (Path(__file__).parents[4] / "docs" / "cratedb.md").read_text(encoding="utf-8")
        chapter = page.partition("## Direct clients")[2]
        blocks = re.findall(r"```sql\n(.*?)```", chapter, re.DOTALL)
        now, head, pinned = (text for block in blocks for text in block.strip().splitlines())
        ask = partial(ask_directly, ("rita", served.users["rita"]))
        (number,) = ask(head)[0]
        rows = ask(pinned, number, number)
        assert rows == ask(now)
        assert [(name, Decimal(cost)) for name, cost in rows] == [("Storage", Decimal("6.75"))]

    def test_both_views_are_enough_to_query_one_table(self, served: Served) -> None:
        views = Grant(("DQL",), "VIEW", ("doc.charges", "doc.charges__versions"))
        with granted(cratedb_url(), "less", [views]) as user:
            client = served.client(user.name, user.password)
            assert client.sql("SELECT count(*) FROM charges") == [[3]]
            assert client.get("/deliveries").status_code == 403

    def test_the_views_beside_a_table_are_enough_to_ask_for_its_past(self, served: Served) -> None:
        asked = (
            "SELECT count(*) FROM charges__versions WHERE "
            "(SELECT max(state) FROM charges__states) BETWEEN _commit AND _last"
        )
        views = ("doc.charges__versions", "doc.charges__states")
        with granted(cratedb_url(), "less", [Grant(("DQL",), "VIEW", views)]) as user:
            assert served.client(user.name, user.password).sql(asked) == [[3]]
        with granted(cratedb_url(), "less", [Grant(("DQL",), "VIEW", views[:1])]) as user:
            assert served.client(user.name, user.password).sql_answer(asked).status_code == 404

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT count(*) FROM charges",
            'SELECT count(c.servicename) FROM doc."charges" AS c WHERE c.billedcost > 0',
            "SELECT count(*) FROM charges WHERE 'charges' = 'charges' -- FROM charges",
        ],
    )
    def test_the_readers_view_is_enough_to_name_a_table_once(
        self, served: Served, statement: str
    ) -> None:
        with granted(cratedb_url(), "less", [READERS_VIEW]) as user:
            assert served.client(user.name, user.password).sql(statement) == [[3]]

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT count(*) FROM charges a JOIN charges b ON a.resourceid = b.resourceid",
            "SELECT (SELECT count(*) FROM charges)",
            "WITH c AS (SELECT * FROM charges) SELECT count(*) FROM c",
            "SELECT nosuch FROM charges",
            "SELECT * FROM nosuch",
        ],
    )
    def test_the_readers_view_alone_lets_no_statement_read_two_states(
        self, served: Served, statement: str
    ) -> None:
        with granted(cratedb_url(), "less", [READERS_VIEW]) as user:
            answer = served.client(user.name, user.password).sql_answer(statement)
            assert (answer.status_code, answer.json()["error"]["code"] // 10) == (404, 404)

    def test_a_new_table_is_uploaded_by_whoever_may_make_it(self, served: Served) -> None:
        def upload(client: Client, table: str) -> requests.Response:
            body = part_body(UNDELIVERED.parts[0])
            headers = {"Content-Type": ARROW}
            return client.post(f"/upload?table={table}", data=body, headers=headers)

        grants = [
            single
            for grant in privileges.ROLES[Role.WRITER]
            for single in grant.each()
            if single != Grant(("DDL",), "SCHEMA", ("doc",))
        ]
        with granted(cratedb_url(), "less", grants) as user:
            client = served.client(user.name, user.password)
            answer = upload(client, "brought_by_upload")
            assert (answer.status_code, answer.headers["Content-Type"]) == (403, PROBLEM)
            assert "brought_by_upload: the table is new" in answer.json()["detail"]
            assert "DDL on the schema doc" in answer.json()["detail"]
            assert upload(client, "charges").status_code == 200
        assert upload(served.role(Role.WRITER), "brought_by_upload").status_code == 200


def ask_directly(user: tuple[str, str], statement: str, *args: Any) -> list[list[Any]]:
    """The rows that CrateDB gives, asked without the handler."""
    told = {"stmt": statement.rstrip(";"), "args": args}
    answer = requests.post(f"{cratedb_url()}/_sql", json=told, auth=user, timeout=60)
    assert answer.status_code == 200, answer.text
    rows: list[list[Any]] = answer.json()["rows"]
    return rows


def works(served: Served, role: Role, client: Client, table: str) -> bool:
    """Whether a user may do all that a role is for; `table` is new."""
    return all(right for right in _acts(served, role, client, table))


def _acts(served: Served, role: Role, client: Client, table: str) -> Iterator[bool]:
    for endpoint in ENDPOINTS:
        if role.includes(endpoint.role):
            yield endpoint.ask(client).status_code == endpoint.right(served)
    if role.includes(Role.ADMIN):
        for given in Role:
            user = {"name": "tess", "role": given, "password": "t"}
            yield client.post("/users", json=user).status_code == 201
        yield client.delete("/users/tess").status_code == 204
    if role.includes(Role.WRITER):
        report = a_report(charges(2), table=table)
        opened = client.open(report)
        yield opened.status_code == 201
        one = f"/deliveries/{opened.json()['entry']['commit']}"
        yield client.post(f"{one}/parts?seq=0", part_body(report.parts[0])).status_code == 204
        yield client.post(f"{one}/commit").status_code == 200


SINGLE = [
    (role, single)
    for role, grants in privileges.ROLES.items()
    for grant in grants
    for single in grant.each()
]


@pytest.mark.parametrize("role", Role)
def test_the_privileges_of_a_role_are_enough(served: Served, role: Role) -> None:
    assert works(served, role, served.role(role), f"enough_for_{role}")


@pytest.mark.parametrize(("role", "left_out"), SINGLE, ids=str)
def test_no_privilege_of_a_role_is_one_too_many(
    served: Served, role: Role, left_out: Grant
) -> None:
    if served.engine == "duckdb":
        pytest.skip("of CrateDB")
    grants = [
        single for grant in privileges.ROLES[role] for single in grant.each() if single != left_out
    ]
    with granted(cratedb_url(), "less", grants) as user:
        served.secrets.passwords.add(user.password)
        assert not works(served, role, served.client(user.name, user.password), "not_enough")


def handler_works(url: str, data_dir: Path, account: Credentials) -> bool:
    """Whether a handler can do all its work with this account: also a new column, a wider one."""
    wide = charges(2, BilledCost="0.12345678901234567890123", x_team="a")
    forget_all(url)
    with superuser(url) as session, granted(url, "wanda", privileges.ROLES[Role.WRITER]) as user:
        session.execute("CREATE TABLE doc.taken (a INTEGER)")
        for report in (a_report(charges(2)), a_report(wide, source="gcp")):
            try:
                with a_handler(url, data_dir, account) as (transport, _):
                    writer = Client(transport, (user.name, user.password))
                    assert writer.deliver(report)["state"] == "committed"
                    assert writer.sql("SELECT count(*) FROM charges")[0][0] >= 2
                    assert writer.open(a_report(charges(1), table="taken")).status_code == 409
            except (AssertionError, RuntimeError):
                return False
    return True


def test_no_password_is_in_a_log_or_a_repr(served: Served) -> None:
    """The last test of the file: it looks at what all of them have logged."""
    logged = served.secrets.logged.getvalue()
    assert logged.count("\n") > 100
    names = [*served.users, "less", "gone", "abel"]
    assert served.secrets.found_in(logged, names) == set()
    for each in served.objects:
        assert served.secrets.found_in(repr(each), names) == set()
    store = served.objects[0].store
    for name, password in served.users.items():
        caller = store.sign_in(name, password)
        assert caller is not None
        for each in (caller, store.acting_for(caller), vars(store.acting_for(caller))):
            assert served.secrets.found_in(repr(each), names) == set()
